//! The structure of the workspace, as its manifests and sources show it: who uses whom, licences, lints, sizes, words.

#[cfg(test)]
mod architecture {
    mod circles;
    mod dependencies;
    mod directions;
    mod files;
    mod functions;
    mod lints;
    mod manifest;
    mod source;
    mod state;
    mod words;
}
