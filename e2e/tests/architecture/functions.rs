//! Lengths of functions, in products and tests alike.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::source::sources;

/// Lines that a function may have, from its signature to its closing brace.
const LONGEST: usize = 60;

/// Name and lines of every function, wherever it stands. Tokens are read and not syntax: a macro such as `proptest!`
/// has functions that are no Rust before it is expanded.
fn functions(tokens: TokenStream, into: &mut Vec<(String, usize)>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(keyword) if keyword == "fn" => {
                let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
                    continue;
                };
                if let Some(end) = closing_brace(&tokens[at..]) {
                    let lines = end - keyword.span().start().line + 1;
                    into.push((name.to_string(), lines));
                }
            }
            TokenTree::Group(group) => functions(group.stream(), into),
            _ => {}
        }
    }
}

/// The line on which the body of a function ends; none where it has no body.
fn closing_brace(function: &[TokenTree]) -> Option<usize> {
    function.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Some(Some(group.span_close().end().line))
        }
        TokenTree::Punct(end) if end.as_char() == ';' => Some(None),
        _ => None,
    })?
}

fn read(text: &str) -> Vec<(String, usize)> {
    let mut found = vec![];
    let tokens = text.parse().expect("a source file is Rust");
    functions(tokens, &mut found);
    found
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = vec![];
    for source in sources() {
        let found = read(&source.text);
        for (name, lines) in found.into_iter().filter(|(_, lines)| *lines > LONGEST) {
            long.push(format!("{}: {name} has {lines} lines", source.path));
        }
    }
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

#[test]
fn functions_of_modules_blocks_traits_and_macros_are_measured_and_those_without_a_body_are_not() {
    let text = "fn one() {}
        mod tests { impl It { async fn two(&self) -> [u8; 2] {
            fn inner() {}
        } } }
        trait Some { fn bare(&self); fn three() {

        } }
        proptest! { fn four(a in 0..2) {
        } }";
    let found = read(text);
    let found: Vec<_> = found
        .iter()
        .map(|(name, lines)| (name.as_str(), *lines))
        .collect();
    let expected = [
        ("one", 1),
        ("two", 3),
        ("inner", 1),
        ("three", 3),
        ("four", 2),
    ];
    assert_eq!(found, expected);
}
