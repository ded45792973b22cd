//! Shared state: a struct that holds much of it is many owners in one.

use syn::visit::{self, Visit};

use super::source::sources;

/// Fields behind a lock, or shared, that a struct may have.
const MOST: usize = 10;

/// Types of a lock or of what is shared; the atomic ones are known by the beginning of their name.
const SHARED: [&str; 8] = [
    "Arc",
    "Index",
    "Keyed",
    "Mutex",
    "OnceLock",
    "Queue",
    "RwLock",
    "Semaphore",
];

/// Structs of a file, with how many fields of each are locks or shared.
#[derive(Default)]
struct Structs(Vec<(String, usize)>);

impl<'ast> Visit<'ast> for Structs {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let shared = item.fields.iter().filter(|field| is_shared(&field.ty));
        self.0.push((item.ident.to_string(), shared.count()));
        visit::visit_item_struct(self, item);
    }
}

fn is_shared(field: &syn::Type) -> bool {
    struct Found(bool);
    impl<'ast> Visit<'ast> for Found {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            let name = segment.ident.to_string();
            self.0 |= SHARED.contains(&name.as_str()) || name.starts_with("Atomic");
            visit::visit_path_segment(self, segment);
        }
    }
    let mut found = Found(false);
    found.visit_type(field);
    found.0
}

fn read(text: &str) -> Vec<(String, usize)> {
    let mut structs = Structs::default();
    structs.visit_file(&syn::parse_file(text).expect("a source file is Rust"));
    structs.0
}

#[test]
fn no_struct_is_an_owner_of_everything() {
    let mut large = vec![];
    for source in sources() {
        let found = read(&source.text);
        for (name, fields) in found.into_iter().filter(|(_, fields)| *fields > MOST) {
            let path = &source.path;
            large.push(format!(
                "{path}: {name} has {fields} fields that are locks or shared"
            ));
        }
    }
    assert!(large.is_empty(), "take these apart:\n{}", large.join("\n"));
}

#[test]
fn fields_count_as_shared_wherever_their_type_names_a_lock() {
    let text =
        "mod m { struct It { a: Option<Arc<str>>, b: std::sync::Mutex<()>, c: AtomicU64, d: u64 } }
        struct Pair(String, Vec<RwLock<()>>);";
    let expected = [("It", 3), ("Pair", 1)].map(|(name, fields)| (name.to_owned(), fields));
    assert_eq!(read(text), expected);
}
