//! Fields: the way to a value inside of a document.

/// The way from a document to one of its fields, by keys and numbers of items.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field(Vec<String>);

impl Field {
    /// The field below these keys.
    pub(crate) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    /// The item of this number in the list.
    #[must_use]
    pub(crate) fn item(mut self, number: usize) -> Self {
        self.0.push(format!("[{number}]"));
        self
    }

    /// Its path as the reader of YAML has it, and then those of what it is in, the nearest first.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> {
        let lengths = (1..=self.0.len()).rev();
        lengths.map(|length| {
            self.0[..length].iter().fold(String::new(), |path, step| {
                let is_plain = path.is_empty() || step.starts_with('[');
                let dot = if is_plain { "" } else { "." };
                path + dot + step
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_looked_for_and_then_what_it_is_in() {
        let field = Field::of(&["metadata", "labels", "example.org/a"]);
        let paths: Vec<String> = field.paths().collect();
        let expected = [
            "metadata.labels.example.org/a",
            "metadata.labels",
            "metadata",
        ];
        assert_eq!(paths, expected);
        let item = Field::of(&["metadata", "finalizers"]).item(1);
        assert_eq!(item.paths().next().unwrap(), "metadata.finalizers[1]");
        assert_eq!(Field::default().paths().next(), None);
    }
}
