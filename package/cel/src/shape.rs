//! The shapes of values: bounds of how many and how large they are, level by level.

pub(crate) const SCALAR_SIZE: f64 = 16.0;

/// Bounds of all values at one depth: most elements of a list or map, and largest size in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Level {
    pub count: f64,
    pub size: f64,
}

/// Bounds of a value and, level by level, of what is in it. What is below the last level is a scalar.
#[derive(Debug, Clone)]
pub(crate) struct Shape(Vec<Level>);

impl Shape {
    pub(crate) fn of(levels: Vec<Level>) -> Self {
        Shape(levels)
    }

    pub(crate) fn text(size: f64) -> Self {
        Shape(vec![Level { count: 0.0, size }])
    }

    pub(crate) fn scalar() -> Self {
        Shape::text(SCALAR_SIZE)
    }

    pub(crate) fn nothing() -> Self {
        Shape(Vec::new())
    }

    pub(crate) fn size(&self) -> f64 {
        self.0.first().map_or(SCALAR_SIZE, |level| level.size)
    }

    pub(crate) fn count(&self) -> f64 {
        self.0.first().map_or(0.0, |level| level.count)
    }

    /// What is in it: an element, a field, a key.
    pub(crate) fn inner(&self) -> Shape {
        Shape(self.0.get(1..).unwrap_or_default().to_vec())
    }

    /// A list or map of `count` values like this one, `size` bytes in all.
    pub(crate) fn listed(self, count: f64, size: f64) -> Shape {
        let mut levels = vec![Level {
            count,
            size: size + SCALAR_SIZE * (count + 1.0),
        }];
        levels.extend(self.0);
        Shape(levels)
    }

    /// One or the other.
    pub(crate) fn either(mut self, other: &Shape) -> Shape {
        for (at, level) in other.0.iter().enumerate() {
            match self.0.get_mut(at) {
                Some(known) => {
                    known.count = known.count.max(level.count);
                    known.size = known.size.max(level.size);
                }
                None => self.0.push(*level),
            }
        }
        self
    }

    /// One after the other in one value.
    pub(crate) fn both(self, other: &Shape) -> Shape {
        let first = Level {
            count: self.count() + other.count(),
            size: self.size() + other.size(),
        };
        let mut joined = self.either(other);
        match joined.0.first_mut() {
            Some(level) => *level = first,
            None => joined.0.push(first),
        }
        joined
    }
}
