//! The propagation of a delete: what becomes of the objects that depend on what is deleted.

use serde_json::Value;

/// What becomes of the dependents. Unlike what an API server does by itself, no kind orphans them unasked.
///
/// An object that has the finalizer of a propagation is deleted by that one. An API server takes such a finalizer off
/// when it is asked for another propagation, and then refuses a delete that names a resourceVersion, each time anew:
/// what it is about to delete has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// They are deleted afterwards.
    #[default]
    Background,
    /// They are deleted first, and hold the object until they are gone.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    /// How an object is deleted, by its finalizers.
    pub fn of(object: &Value) -> Self {
        let finalizers = object.pointer("/metadata/finalizers");
        let finalizers = finalizers.and_then(Value::as_array).into_iter().flatten();
        let mut asked = finalizers.filter_map(|finalizer| match finalizer.as_str() {
            Some("foregroundDeletion") => Some(Self::Foreground),
            Some("orphan") => Some(Self::Orphan),
            _ => None,
        });
        asked.next().unwrap_or_default()
    }

    /// Its name in the options of a delete.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_deleted_by_the_propagation_whose_finalizer_it_has() {
        for (finalizers, expected) in [
            (json!(["foregroundDeletion"]), Propagation::Foreground),
            (json!(["example.org/a", "orphan"]), Propagation::Orphan),
            (json!(["example.org/a"]), Propagation::Background),
            (json!([]), Propagation::Background),
            (json!(null), Propagation::Background),
        ] {
            let object = json!({"metadata": {"finalizers": finalizers}});
            assert_eq!(Propagation::of(&object), expected, "{object}");
        }
        assert_eq!(Propagation::of(&json!({})), Propagation::Background);
    }
}
