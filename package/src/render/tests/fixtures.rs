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
fn each_component_of_the_multi_fixture_renders_its_own_objects() {
    let archive = include_bytes!("../../../tests/fixtures/multi.tar");
    let package = Package::load(read_archive(archive).unwrap()).unwrap();
    for name in ["backend", "frontend"] {
        let input = RenderInput {
            component: Some(name.to_owned()),
            ..input()
        };
        let content = render(&package, &input).unwrap().content;
        let object = &content.phases[0].objects[0].object;
        assert_eq!(object["data"]["role"], name);
        assert_eq!(object["metadata"]["labels"]["stevedore.dev/package"], name);
    }
}
