use super::*;
use crate::image::read_archive;

#[test]
fn the_single_fixture_renders_as_the_original_does() {
    let archive = include_bytes!("../../../tests/fixtures/single.tar");
    let package = Package::load(read_archive(archive).unwrap()).unwrap();
    package.check().unwrap();
    for (context, golden) in [
        (
            include_str!("../../../tests/fixtures/golden/context.cluster.json"),
            include_str!("../../../tests/fixtures/golden/rendered.cluster.json"),
        ),
        (
            include_str!("../../../tests/fixtures/golden/context.namespaced.json"),
            include_str!("../../../tests/fixtures/golden/rendered.namespaced.json"),
        ),
    ] {
        let context: Value = serde_json::from_str(context).unwrap();
        let golden = golden
            .replace("package-operator.run/instance", "stevedore.dev/instance")
            .replace("package-operator.run/package", "stevedore.dev/package");
        let input = RenderInput {
            name: context["name"].as_str().unwrap().to_owned(),
            namespace: context["namespace"].as_str().map(ToOwned::to_owned),
            config: context.get("config").cloned(),
            environment: context["environment"].clone(),
            ..input()
        };
        let rendered = render(&package, &input).unwrap();
        let content: Value = serde_json::from_slice(&rendered.content.to_bytes()).unwrap();
        assert_eq!(content, serde_json::from_str::<Value>(&golden).unwrap());
        let key = |input: &RenderInput| {
            let context = package.context(input).unwrap();
            rendered.reads.key(&package.digest(), &context)
        };
        let elsewhere = RenderInput {
            cluster: ClusterFacts::default(),
            ..input.clone()
        };
        assert_eq!(
            key(&elsewhere),
            key(&input),
            "nothing of the cluster is read"
        );
        let mut recoloured = input.clone();
        let beam = &mut recoloured.config.as_mut().unwrap()["beam"];
        *beam = if *beam == "red" { "green" } else { "red" }.into();
        assert_ne!(key(&recoloured), key(&input), "the beam is read");
    }
}

#[test]
fn the_multi_fixture_is_invalid_because_of_its_components() {
    let archive = include_bytes!("../../../tests/fixtures/multi.tar");
    let invalid = Package::load(read_archive(archive).unwrap()).expect_err("components");
    let message = invalid.to_string();
    assert!(
        message.contains("spec.components: components are not supported yet"),
        "{message}"
    );
}
