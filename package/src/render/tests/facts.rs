//! Facts about clusters, and overrides of images, as what a rendering depends on.

use std::sync::Arc;

use stevedore_proto_core::Environment;
use stevedore_proto_core::digest::Digest;
use stevedore_proto_core::environment::{Fact, OpenShift};

use super::*;
use crate::environment;
use crate::overrides::ImagePrefixes;

fn open_shift(version: &str) -> Environment {
    Environment {
        kubernetes_version: "v1.33.1".into(),
        open_shift: Fact::Present(OpenShift {
            version: version.into(),
            managed: None,
        }),
        ..Environment::default()
    }
}

fn key(package: &Package, rendered: &Rendered, environment: &Environment) -> Digest {
    let input = RenderInput {
        environment: environment::tree(environment, None),
        ..input()
    };
    let context = package.context(&input).unwrap();
    rendered.reads.key(&package.digest(), &context)
}

#[test]
fn a_changed_fact_is_another_rendering_where_it_is_read_and_nowhere_else() {
    let one = |expression: &str| {
        let text = object("a", "one", "");
        package(&[(
            "a.yaml.gotmpl",
            &format!("{text}data: {{a: '{expression}'}}\n"),
        )])
    };
    let (before, after) = (open_shift("4.16.1"), open_shift("4.17.3"));
    let plain = Environment {
        open_shift: Fact::Absent,
        ..before.clone()
    };
    for (expression, sees_version, sees_platform) in [
        ("{{ .environment.openShift.version }}", true, true),
        ("{{ hasKey .environment `openShift` }}", false, true),
        ("{{ .environment.kubernetes.version }}", false, false),
    ] {
        let package = one(expression);
        let input = RenderInput {
            environment: environment::tree(&before, None),
            ..input()
        };
        let rendered = render(&package, &input).unwrap();
        let key = |environment: &Environment| key(&package, &rendered, environment);
        assert_eq!(key(&before) != key(&after), sees_version, "{expression}");
        assert_eq!(key(&before) != key(&plain), sees_platform, "{expression}");
    }
}

#[test]
fn an_overridden_image_is_another_rendering_of_packages_that_name_it() {
    let digest = Digest::of(b"lamp");
    let lock = format!(
        "{HEAD}spec: {{images: [{{name: lamp, image: 'registry.example/lamp:1', digest: '{digest}'}}]}}\n"
    )
    .replace("PackageManifest\n", "PackageManifestLock\n");
    let spec = "  images: [{name: lamp, image: 'registry.example/lamp:1'}]\n";
    let object = object("a", "one", "");
    let with = |data: &str| {
        let files = [
            ("manifest.lock.yaml", lock.as_str()),
            ("a.yaml.gotmpl", &format!("{object}data: {{a: '{data}'}}\n")),
        ];
        package_with(spec, &files).unwrap()
    };
    let mirrored = RenderInput {
        image_prefixes: Arc::new(
            ImagePrefixes::parse("registry.example/=mirror.example/").unwrap(),
        ),
        ..input()
    };
    let names = with("{{ .images.lamp }}");
    let rendered = render(&names, &mirrored).unwrap();
    assert_eq!(
        rendered.content.phases[0].objects[0].object["data"]["a"],
        format!("mirror.example/lamp@{digest}")
    );
    for (package, is_other) in [(names, true), (with("{{ .package.image }}"), false)] {
        let rendered = render(&package, &input()).unwrap();
        let key = |input: &RenderInput| {
            let context = package.context(input).unwrap();
            rendered.reads.key(&package.digest(), &context)
        };
        assert_eq!(key(&input()) != key(&mirrored), is_other);
    }
}

#[test]
fn images_of_a_component_that_is_installed_with_its_package_are_overridden_and_count() {
    let digest = Digest::of(b"horn");
    let image = "{name: horn, image: 'registry.example/horn:1'";
    let lock = format!("{HEAD}spec: {{images: [{image}, digest: '{digest}'}}]}}\n")
        .replace("PackageManifest\n", "PackageManifestLock\n");
    let manifest = format!(
        "{HEAD}spec: {{scopes: [Namespaced], phases: [{{name: run}}], images: [{image}}}]}}\n"
    );
    let horn = object("horn", "run", "");
    let asks = "apiVersion: package-operator.run/v1alpha1\nkind: Package\nmetadata: {name: h, \
        annotations: {package-operator.run/phase: one}}\n\
        spec: {image: 'registry.example/lamp:1', component: horn}\n";
    let files = [
        ("asks.yaml", asks),
        ("components/horn/manifest.yaml", &*manifest),
        ("components/horn/manifest.lock.yaml", &*lock),
        (
            "components/horn/h.yaml.gotmpl",
            &*format!("{horn}data: {{a: '{{{{ .images.horn }}}}'}}\n"),
        ),
    ];
    let package = package_with("  components: {}\n", &files).unwrap();
    let mirrored = RenderInput {
        image_prefixes: Arc::new(
            ImagePrefixes::parse("registry.example/=mirror.example/").unwrap(),
        ),
        ..input()
    };
    let rendered = render(&package, &mirrored).unwrap();
    assert_eq!(
        rendered.content.phases[1].objects[0].object["data"]["a"],
        format!("mirror.example/horn@{digest}")
    );
    let key = |input: &RenderInput| {
        let context = package.context(input).unwrap();
        rendered.reads.key(&package.digest(), &context)
    };
    assert_ne!(key(&input()), key(&mirrored));
}
