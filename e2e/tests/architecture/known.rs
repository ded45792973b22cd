//! Exceptions that are known: each has to be true, so that none outlives its reason.

use std::collections::BTreeMap;

/// One line for everything that was found and is not known, and for everything known that is not found any more.
/// What was found is given by the key that a list of exceptions names it by, with what is to be said of it.
pub(crate) fn faults(found: &BTreeMap<String, String>, known: &[&str]) -> Vec<String> {
    let new = found
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .map(|(key, text)| format!("{key}: {text}"));
    let gone = known
        .iter()
        .filter(|key| !found.contains_key(**key))
        .map(|key| format!("{key}: mended, take it off the list"));
    new.chain(gone).collect()
}

#[test]
fn a_new_fault_and_an_exception_that_is_not_true_any_more_are_told_and_a_known_one_is_not() {
    let found = ["new", "known"].map(|key| (key.to_owned(), "wrong".to_owned()));
    assert_eq!(
        faults(&BTreeMap::from(found), &["known", "mended"]),
        ["new: wrong", "mended: mended, take it off the list"]
    );
}
