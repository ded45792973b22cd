//! Words: module docs say what a module is, and words that were given up do not come back.

use proc_macro2::{TokenStream, TokenTree};

use super::source::sources;

/// Beginnings of a question. A module doc begins with what the module is: a noun and a verb.
const QUESTIONS: [&str; 9] = [
    "How", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why",
];

/// Names that say nothing to somebody who knows Kubernetes controllers; `docs/ARCHITECTURE.md` has those to use.
const GIVEN_UP: [&str; 16] = [
    "APART",
    "BELIEF",
    "Baggage",
    "CALM",
    "Desk",
    "Lookout",
    "Mail",
    "PATIENCE",
    "RECESS",
    "TOGETHER",
    "addressee",
    "employ",
    "give_up",
    "glance",
    "in_hand",
    "obscure",
];

/// The question word that the module doc of a file begins with, if it does.
fn question(text: &str) -> Option<&str> {
    let doc = text.lines().find_map(|line| line.strip_prefix("//!"))?;
    let first = doc.split_whitespace().next()?;
    QUESTIONS.contains(&first).then_some(first)
}

/// The first name of these in the tokens of a file, if there is one.
fn given_up(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(name) if GIVEN_UP.iter().any(|word| name == *word) => {
            Some(name.to_string())
        }
        TokenTree::Group(group) => given_up(group.stream()),
        _ => None,
    })
}

#[test]
fn every_module_doc_says_what_the_module_is() {
    let asking = sources().into_iter().filter_map(|source| {
        let word = question(&source.text)?;
        Some(format!("{}: its doc begins with {word}", source.path))
    });
    let faults: Vec<_> = asking.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_name_is_one_that_was_given_up() {
    let named = sources().into_iter().filter_map(|source| {
        let tokens = source.text.parse().expect("a source file is Rust");
        let word = given_up(tokens)?;
        Some(format!("{}: has the name {word}", source.path))
    });
    let faults: Vec<_> = named.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn questions_and_names_are_found_as_whole_words_and_in_code_alone() {
    assert_eq!(question("//! How it is.\nmod a;"), Some("How"));
    assert_eq!(question("use a;\n\n//! Whatever it is."), None);
    let found = |text: &str| given_up(text.parse().expect("Rust"));
    assert_eq!(found("fn f() { g(in_hand) }").as_deref(), Some("in_hand"));
    assert_eq!(
        found("struct Mailbox; // no Mail\nconst A: &str = \"Desk\";"),
        None
    );
}
