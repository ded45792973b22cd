//! The assembly of a content: the objects of a package in the phases of its manifest, and after each the phases of the
//! components that are installed in it.

use std::collections::BTreeSet;

use stevedore_proto_core::content::{
    Content, LabelExpression, LabelOperator, Phase, ProbeEntry, bounds,
};
use stevedore_proto_core::digest::Digest;
use stevedore_proto_core::label;

use super::child::Child;
use super::context::Context;
use crate::manifest::ManifestPhase;
use crate::object::Ready;
use crate::package::Package;
use crate::violation::{Reason, Violation};

/// Characters of a phase's name.
const NAME: usize = bounds::PHASE_NAME;
/// Hex digits that tell names apart which are cut.
const TAIL: usize = 8;

/// A component that was rendered.
pub(super) struct RenderedChild {
    pub(super) child: Child,
    pub(super) content: Content,
}

impl Package {
    /// Objects in the manifest's phases; empty phases stay.
    pub(super) fn arrange(&self, context: &Context, objects: Vec<Ready>) -> Content {
        let manifest = self.manifest();
        let phase = |phase: &ManifestPhase| Phase {
            name: phase.name.clone(),
            class: phase.class.clone(),
            ..Phase::default()
        };
        let mut phases: Vec<Phase> = manifest.phases.iter().map(phase).collect();
        for ready in objects {
            if let Some(phase) = phases.iter_mut().find(|phase| phase.name == ready.phase) {
                let mut object = ready.object;
                object.collision_protection =
                    object.collision_protection.or(context.collision_protection);
                phase.objects.push(object);
            }
        }
        Content {
            phases,
            availability_probes: manifest.availability_probes.clone(),
            success_delay_seconds: context.success_delay_seconds,
        }
    }
}

/// Puts the phases of components behind those that they are installed in, and leaves out what is empty.
pub(super) fn with_children(
    root: &Package,
    context: &Context,
    mut content: Content,
    children: Vec<RenderedChild>,
) -> Result<Content, Vec<Violation>> {
    if children.is_empty() {
        content.phases.retain(|phase| !phase.objects.is_empty());
        return Ok(content);
    }
    let mut violations = Vec::new();
    let own = Whose::of(&root.manifest().name, &context.name);
    let mut probes: Vec<_> = content.availability_probes.drain(..).collect();
    probes.iter_mut().for_each(|entry| own.narrow(entry));
    let mut names = Names::new(&content.phases);
    let mut children: Vec<Option<RenderedChild>> = children.into_iter().map(Some).collect();
    let mut phases = Vec::new();
    for phase in content.phases {
        let is_here = |it: &&mut Option<RenderedChild>| {
            it.as_ref().is_some_and(|it| it.child.phase == phase.name)
        };
        let here = children.iter_mut().filter(is_here);
        let here: Vec<_> = here.filter_map(Option::take).collect();
        if phase.objects.is_empty() && here.is_empty() {
            continue;
        }
        let class = phase.delegated_to().map(str::to_owned);
        phases.push(phase);
        for rendered in here {
            let at = |violation: Violation| {
                let (path, index) = &rendered.child.place;
                violation.at(path, *index)
            };
            if let Some(class) = &class {
                let details = format!("a component in a phase of class {class:?} is not supported");
                violations.push(at(Violation::new(Reason::NotSupported, details)));
            }
            let whose = Whose::of(&rendered.child.component, &rendered.child.input.name);
            if whose == own {
                let details = "a component that is called like its package must not have its name";
                violations.push(at(Violation::new(Reason::ChildInvalid, details)));
            }
            add(rendered, &whose, &mut names, &mut phases, &mut probes);
        }
    }
    violations.extend(limits(&phases, &probes));
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(Content {
        phases,
        availability_probes: probes,
        ..content
    })
}

/// Adds the phases and probes of one component.
fn add(
    rendered: RenderedChild,
    whose: &Whose,
    names: &mut Names,
    phases: &mut Vec<Phase>,
    probes: &mut Vec<ProbeEntry>,
) {
    let RenderedChild { child, content } = rendered;
    let component = names.component(&child);
    for mut phase in content.phases {
        if phase.objects.is_empty() {
            continue;
        }
        for object in &mut phase.objects {
            object.condition_mappings = child.through(&object.condition_mappings);
        }
        phase.name = names.phase(&format!("{component}/{}", phase.name));
        phase.component = Some(component.clone());
        phases.push(phase);
    }
    for mut entry in content.availability_probes {
        whose.narrow(&mut entry);
        if !probes.contains(&entry) {
            probes.push(entry);
        }
    }
}

fn limits(phases: &[Phase], probes: &[ProbeEntry]) -> Vec<Violation> {
    let checked = [
        ("phases", phases.len(), bounds::PHASES),
        ("availability probes", probes.len(), bounds::PROBE_ENTRIES),
    ];
    let above = checked
        .into_iter()
        .filter(|(_, count, limit)| count > limit);
    above
        .map(|(what, count, limit)| {
            let details =
                format!("with those of its components it has {count} {what}, the limit is {limit}");
            Violation::new(Reason::TooLarge, details)
        })
        .collect()
}

/// Whose an object is, by the labels that every rendered object has.
#[derive(PartialEq)]
struct Whose {
    package: String,
    instance: String,
}

impl Whose {
    fn of(package: &str, instance: &str) -> Self {
        Self {
            package: package.to_owned(),
            instance: instance.to_owned(),
        }
    }

    /// Lets probes be for these objects alone: those of a component are not for its package's, nor the other way
    /// round.
    fn narrow(&self, entry: &mut ProbeEntry) {
        let selector = entry.selector.selector.get_or_insert_default();
        let labels = [
            (label::PACKAGE, &self.package),
            (label::INSTANCE, &self.instance),
        ];
        let expression = |(key, value): (&str, &String)| LabelExpression {
            key: key.to_owned(),
            operator: LabelOperator::In,
            values: vec![value.clone()],
        };
        selector.match_expressions.extend(labels.map(expression));
    }
}

/// Names that are taken in one content.
struct Names {
    phases: BTreeSet<String>,
    components: BTreeSet<String>,
}

impl Names {
    fn new(phases: &[Phase]) -> Self {
        Self {
            phases: phases.iter().map(|phase| phase.name.clone()).collect(),
            components: BTreeSet::new(),
        }
    }

    /// What a component is called: by its folder, where that is not enough also by name, and by namespace.
    fn component(&mut self, child: &Child) -> String {
        let (folder, input) = (&child.component, &child.input);
        let namespace = input.namespace.as_deref().unwrap_or_default();
        let names = [
            folder.clone(),
            format!("{folder}/{}", input.name),
            format!("{folder}/{namespace}/{}", input.name),
        ];
        let mut free = names.iter().filter(|name| !self.components.contains(*name));
        let name = free.next().unwrap_or(&names[2]).clone();
        self.components.insert(name.clone());
        name
    }

    /// A phase's name that is not taken and not too long; the same for the same component and phase.
    fn phase(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        if wanted.len() > NAME || self.phases.contains(wanted) {
            let tail = &Digest::of(wanted.as_bytes()).hex()[..TAIL];
            let end = wanted.floor_char_boundary(NAME - TAIL - 1);
            name = format!("{}-{tail}", &wanted[..end]);
        }
        self.phases.insert(name.clone());
        name
    }
}
