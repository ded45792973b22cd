//! The values a template works with: Go's types as far as JSON and the functions can make them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::reads::{Depth, Origin};
use crate::version::Version;

/// How deeply lists and maps may be nested before printing or comparing them is refused.
pub(crate) const MAX_VALUE_DEPTH: usize = 100;

/// A Go string: bytes, usually but not always UTF-8.
pub(crate) type Bytes = Rc<[u8]>;

/// A value in a running template.
#[derive(Clone, Default)]
pub(crate) enum Value {
    /// An untyped nil, or a JSON null.
    #[default]
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `int64`, as arithmetic functions return it.
    Int64(i64),
    /// `uint64`, as a part of a version is.
    Uint64(u64),
    /// `uint8`, a byte of a string.
    Byte(u8),
    /// `float64`, as every number of the context is.
    Float(f64),
    /// `string`.
    Str(Bytes),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// `*semver.Version`, as `semver` returns it.
    Version(Rc<Version>),
    /// `semver.Version`, as the methods that make another version return it. It lacks the methods of a pointer.
    PlainVersion(Rc<Version>),
}

/// What a list or map holds, which decides the name of its Go type and its zero element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elem {
    Any,
    Str,
    Int,
    /// `[]interface {}`.
    List,
}

impl Elem {
    fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Int => "int",
            Self::List => "[]interface {}",
        }
    }

    /// The value a Go map of this type gives for a key it lacks.
    pub(crate) fn zero(self) -> Value {
        match self {
            Self::Any => Value::Nil,
            Self::Str => Value::from(""),
            Self::Int => Value::Int(0),
            Self::List => Value::List(List::nil(Self::Any)),
        }
    }
}

/// An immutable list, shared by reference.
#[derive(Clone)]
pub(crate) struct List(Rc<ListNode>);

struct ListNode {
    items: Vec<Value>,
    elem: Elem,
    nil: bool,
    origin: Option<Origin>,
}

/// A map, shared by reference: a change through one holder is seen by all.
#[derive(Clone)]
pub(crate) struct Map(Rc<MapNode>);

struct MapNode {
    entries: RefCell<BTreeMap<Bytes, Value>>,
    elem: Elem,
    /// How much of it is read by whoever takes it out of the map around it.
    taken: Depth,
    origin: Option<Origin>,
}

impl List {
    /// A `[]interface {}`.
    pub(crate) fn new(items: Vec<Value>) -> Self {
        Self::build(items, Elem::Any, false, None)
    }

    /// A list of another element type; `items` are of that type.
    pub(crate) fn typed(items: Vec<Value>, elem: Elem) -> Self {
        Self::build(items, elem, false, None)
    }

    /// A nil slice: empty, but `null` as JSON.
    pub(crate) fn nil(elem: Elem) -> Self {
        Self::build(Vec::new(), elem, true, None)
    }

    /// A list of the context.
    pub(crate) fn of_context(items: Vec<Value>, origin: Option<Origin>) -> Self {
        Self::build(items, Elem::Any, false, origin)
    }

    fn build(items: Vec<Value>, elem: Elem, nil: bool, origin: Option<Origin>) -> Self {
        Self(Rc::new(ListNode {
            items,
            elem,
            nil,
            origin,
        }))
    }

    /// The items, in order.
    pub(crate) fn items(&self) -> &[Value] {
        self.read(Depth::Value);
        &self.0.items
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.read(Depth::Emptiness);
        self.0.items.is_empty()
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.0.nil
    }

    pub(crate) fn elem(&self) -> Elem {
        self.0.elem
    }

    fn read(&self, depth: Depth) {
        if let Some(origin) = &self.0.origin {
            origin.record(depth);
        }
    }
}

impl Map {
    /// A `map[string]interface {}`.
    pub(crate) fn new(entries: BTreeMap<Bytes, Value>) -> Self {
        Self::typed(entries, Elem::Any)
    }

    pub(crate) fn typed(entries: BTreeMap<Bytes, Value>, elem: Elem) -> Self {
        Self(Rc::new(MapNode {
            entries: RefCell::new(entries),
            elem,
            taken: Depth::Kind,
            origin: None,
        }))
    }

    /// A map of the context. Whether one of `strings` is empty shows in its type.
    pub(crate) fn of_context(
        entries: BTreeMap<Bytes, Value>,
        strings: bool,
        origin: Option<Origin>,
    ) -> Self {
        let elem = match strings && entries.is_empty() {
            true => Elem::Str,
            false => Elem::Any,
        };
        Self(Rc::new(MapNode {
            entries: RefCell::new(entries),
            elem,
            taken: match strings {
                true => Depth::Emptiness,
                false => Depth::Kind,
            },
            origin,
        }))
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Value> {
        let found = self.0.entries.borrow().get(key).cloned();
        if let Some(origin) = &self.0.origin {
            let depth = match &found {
                Some(Value::Map(below)) => below.0.taken,
                Some(Value::List(_)) => Depth::Kind,
                _ => Depth::Value,
            };
            origin.record_child(key, depth);
        }
        found
    }

    /// The keys from the root of the context to an entry of this map, if it is one of the context.
    pub(crate) fn path_of(&self, key: &str) -> Option<Box<[String]>> {
        let origin = self.0.origin.as_ref()?;
        Some(origin.child(key).path().into())
    }

    pub(crate) fn has(&self, key: &[u8]) -> bool {
        if let Some(origin) = &self.0.origin {
            origin.record_child(key, Depth::Kind);
        }
        self.0.entries.borrow().contains_key(key)
    }

    /// All entries, by key in byte order.
    pub(crate) fn entries(&self) -> Vec<(Bytes, Value)> {
        self.read(Depth::Value);
        let entries = self.0.entries.borrow();
        entries
            .iter()
            .map(|(key, value)| (Rc::clone(key), value.clone()))
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.read(Depth::Emptiness);
        self.0.entries.borrow().is_empty()
    }

    /// The number of entries, which counts as having read the map.
    pub(crate) fn len(&self) -> usize {
        self.read(Depth::Value);
        self.size()
    }

    /// The number of entries for accounting; what it is used for must not reach the output.
    pub(crate) fn size(&self) -> usize {
        self.0.entries.borrow().len()
    }

    pub(crate) fn insert(&self, key: Bytes, value: Value) {
        self.note_change();
        self.0.entries.borrow_mut().insert(key, value);
    }

    pub(crate) fn remove(&self, key: &[u8]) {
        self.note_change();
        self.0.entries.borrow_mut().remove(key);
    }

    /// Empties the map, so that a map that holds itself is freed.
    pub(crate) fn clear(&self) {
        self.note_change();
        let taken = std::mem::take(&mut *self.0.entries.borrow_mut());
        dismantle(taken.into_values().collect());
    }

    pub(crate) fn elem(&self) -> Elem {
        self.0.elem
    }

    fn read(&self, depth: Depth) {
        if let Some(origin) = &self.0.origin {
            origin.record(depth);
        }
    }

    fn note_change(&self) {
        if let Some(origin) = &self.0.origin {
            origin.note_change();
        }
    }
}

impl Drop for ListNode {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut self.items));
    }
}

impl Drop for MapNode {
    fn drop(&mut self) {
        let entries = std::mem::take(self.entries.get_mut());
        dismantle(entries.into_values().collect());
    }
}

/// Frees values level by level, so that no depth of nesting can exhaust the stack.
fn dismantle(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(List(node)) => {
                if let Some(mut node) = Rc::into_inner(node) {
                    values.append(&mut node.items);
                }
            }
            Value::Map(Map(node)) => {
                if let Some(mut node) = Rc::into_inner(node) {
                    values.extend(std::mem::take(node.entries.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

impl Value {
    /// A string value of these bytes.
    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Str(bytes.into())
    }

    /// The name of the Go type, as `%T` prints it.
    pub(crate) fn type_name(&self) -> String {
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::List(list) => format!("[]{}", list.elem().name()),
            Self::Map(map) => format!("map[string]{}", map.elem().name()),
            Self::Version(_) => "*semver.Version".to_owned(),
            Self::PlainVersion(_) => "semver.Version".to_owned(),
            _ => self.kind_name().to_owned(),
        }
    }

    /// The name of the Go kind.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Uint64(_) => "uint64",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Version(_) => "ptr",
            Self::PlainVersion(_) => "struct",
        }
    }

    /// Whether the value is not the zero of its type: what `if` and `empty` ask.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Uint64(number) => *number != 0,
            Self::Byte(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Version(_) | Self::PlainVersion(_) => true,
        }
    }

    /// What moving this value costs, in units of the instruction budget.
    pub(crate) fn weight(&self) -> u64 {
        let size = match self {
            Self::Str(text) => text.len() / 32,
            Self::List(list) => list.0.items.len(),
            Self::Map(map) => map.size(),
            Self::Version(version) | Self::PlainVersion(version) => version.size() / 32,
            _ => 0,
        };
        size as u64
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(Rc::from(text.as_bytes()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(Rc::from(text.into_bytes()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(text: Vec<u8>) -> Self {
        Self::Str(Rc::from(text))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}
