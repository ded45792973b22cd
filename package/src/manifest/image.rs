//! References of images.

/// The repository of an image reference: without tag and digest.
pub(super) fn repository(reference: &str) -> &str {
    let named = reference
        .split_once('@')
        .map_or(reference, |(named, _)| named);
    let last = named.rfind('/').map_or(0, |slash| slash + 1);
    named[last..]
        .find(':')
        .map_or(named, |colon| &named[..last + colon])
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn tag_and_digest_are_cut_and_a_port_is_kept() {
        for reference in [
            "registry.example:5000/team/lamp",
            "registry.example:5000/team/lamp:1",
            "registry.example:5000/team/lamp@sha256:00",
            "registry.example:5000/team/lamp:1@sha256:00",
        ] {
            assert_eq!(repository(reference), "registry.example:5000/team/lamp");
        }
        assert_eq!(repository("lamp:1"), "lamp");
        assert_eq!(repository("lamp"), "lamp");
    }
}
