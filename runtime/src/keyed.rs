//! One value for each key, shared by all who use it at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Hands out one value for each key, for as long as somebody has it: a lock, a share, a result that several wait
/// for. Values that nobody has any more take no memory for long: they are let go when the next is asked for.
#[derive(Debug)]
pub struct Keyed<K, T>(Mutex<HashMap<K, Weak<T>>>);

impl<K, T> Default for Keyed<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T> Keyed<K, T> {
    /// The value that others have of this key, or a new one.
    pub fn get(&self, key: K, make: impl FnOnce() -> T) -> Arc<T> {
        let mut values = self.0.lock();
        values.retain(|_, value| value.strong_count() > 0);
        let known = values.get(&key).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let fresh = Arc::new(make());
            values.insert(key, Arc::downgrade(&fresh));
            fresh
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_use_a_key_at_the_same_time_share_its_value_and_nobody_keeps_it() {
        let values = Keyed::default();
        let one = values.get("a", || 1);
        assert!(Arc::ptr_eq(&one, &values.get("a", || 2)));
        assert_eq!(*values.get("b", || 3), 3);
        drop(one);
        assert_eq!(*values.get("a", || 4), 4);
        assert_eq!(values.0.lock().len(), 1);
    }
}
