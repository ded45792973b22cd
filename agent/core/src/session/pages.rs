//! Pages of what is held.

use std::collections::BTreeSet;

use stevedore_proto_core::message::Page;
use stevedore_proto_core::{Digest, Held, limit};

/// Splits what is held into pages; there is always a last one.
pub(super) fn pages<'a>(
    request: u32,
    held: impl Iterator<Item = &'a Held>,
    contents: &BTreeSet<Digest>,
) -> Vec<Page> {
    let held: Vec<Held> = held.cloned().collect();
    let contents: Vec<Digest> = contents.iter().copied().collect();
    let mut held = held.chunks(limit::HELD_PAGE_ENTRIES);
    let mut contents = contents.chunks(limit::HELD_PAGE_CONTENTS);
    let mut pages = Vec::new();
    loop {
        let (entries, digests) = (held.next(), contents.next());
        if entries.is_none() && digests.is_none() && !pages.is_empty() {
            break;
        }
        pages.push(Page {
            request,
            index: u32::try_from(pages.len()).expect("deployments and contents are bounded"),
            last: false,
            held: entries.unwrap_or_default().to_vec(),
            contents: digests.unwrap_or_default().to_vec(),
        });
    }
    if let Some(page) = pages.last_mut() {
        page.last = true;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_held_is_one_empty_last_page() {
        let pages = pages(7, [].iter(), &BTreeSet::new());
        assert_eq!(pages.len(), 1);
        assert!(pages[0].last && pages[0].request == 7 && pages[0].held.is_empty());
    }

    #[test]
    fn contents_beyond_a_page_go_to_the_next_one_and_only_the_last_is_last() {
        let contents: BTreeSet<_> = (0..=limit::HELD_PAGE_CONTENTS)
            .map(|at| Digest::of(&at.to_be_bytes()))
            .collect();
        let pages = pages(1, [].iter(), &contents);
        assert_eq!(
            pages.iter().map(|page| page.last).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(
            pages.iter().map(|page| page.index).collect::<Vec<_>>(),
            [0, 1]
        );
        assert_eq!(
            pages.iter().flat_map(|page| &page.contents).count(),
            contents.len()
        );
    }
}
