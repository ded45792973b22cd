//! The components of a package: sub-packages in folders of their own, each with manifest, lock file and files.
//!
//! A package has them when its manifest says `components: {}`. Then `components/NAME/` is the component NAME, and no
//! part of the package itself, which is called the root. Without that line such files are files like all others.

use std::collections::BTreeMap;

use crate::files::{COMPONENTS, PackageFiles};
use crate::limit;
use crate::names::check_value;
use crate::violation::{Reason, Violation};

/// Takes the components out of the files of a root, by name; their paths are then relative to their own folder.
///
/// # Errors
/// With every file that is in no component, and every folder that cannot be one.
pub(crate) fn split(
    root: &mut PackageFiles,
) -> Result<BTreeMap<String, PackageFiles>, Vec<Violation>> {
    let mut all = root.take_below(COMPONENTS);
    let mut violations = Vec::new();
    let mut components = BTreeMap::new();
    let paths: Vec<String> = all.iter().map(|(path, _)| path.to_owned()).collect();
    for path in paths {
        let Some((name, _)) = path.split_once('/') else {
            let details = "move it into the folder of a component";
            violations.push(
                Violation::new(Reason::ComponentsFile, details)
                    .in_file(&format!("{COMPONENTS}/{path}")),
            );
            continue;
        };
        if components.contains_key(name) {
            continue;
        }
        if let Err(why) = check_value(name) {
            let details = format!("the name of component {name:?} becomes a label: {why}");
            violations.push(Violation::new(Reason::ComponentInvalid, details));
        }
        components.insert(name.to_owned(), all.take_below(name));
    }
    if components.len() > limit::COMPONENTS {
        let (count, limit) = (components.len(), limit::COMPONENTS);
        let details = format!("{count} components, the limit is {limit}");
        violations.push(Violation::new(Reason::TooLarge, details));
    }
    if violations.is_empty() {
        Ok(components)
    } else {
        Err(violations)
    }
}
