//! Advice: how to mend what breaks a rule.

use crate::violation::Reason;

impl Reason {
    /// How to mend what breaks this rule; nothing where the details of a violation say it.
    pub fn mend(self) -> Option<&'static str> {
        Some(match self {
            Self::ManifestNotFound => {
                "name the folder that has manifest.yaml; \"stevedore package init\" makes a package"
            }
            Self::ManifestInvalid => "correct this field of the manifest",
            Self::ManifestDuplicated | Self::LockDuplicated => "remove one of the two files",
            Self::LockInvalid => "remove it, and run \"stevedore package update\"",
            Self::UnknownManifestKind => "correct apiVersion and kind of the file",
            Self::NotSupported => "leave it out of the package",
            Self::Template => "correct the template, or give it in the test case what it reads",
            Self::ClusterLabelMissing => {
                "give a cluster with this label in the context of the test case, or ask with \"hasKey\" whether a \
                 cluster has it"
            }
            Self::InvalidYaml => "correct the YAML; of a template, what it writes",
            Self::PhaseMissing => {
                "name a phase of the manifest in the annotation package-operator.run/phase of the object"
            }
            Self::PhaseUnknown => {
                "correct the annotation, or add the phase under spec.phases of the manifest"
            }
            Self::GvkNotSet => "give the object apiVersion and kind, as its API has them",
            Self::MetadataInvalid | Self::LabelsInvalid | Self::AnnotationInvalid => {
                "correct this field of the object's metadata"
            }
            Self::SecretInvalid | Self::ConfigMapInvalid => {
                "write base64 under data of a Secret and binaryData of a ConfigMap, and texts elsewhere"
            }
            Self::Duplicate => "rename one of the two, or let conditions exclude each other",
            Self::ConditionInvalid => {
                "correct the expression; ask with \"has\" for fields that may be absent"
            }
            Self::ComponentsNotEnabled => "write \"components: {}\" under spec of the manifest",
            Self::ComponentNotFound => {
                "name a component that is there, or add a folder with its manifest"
            }
            Self::ComponentInvalid => "rename the folder of the component",
            Self::ComponentsNested => "remove spec.components of the component's manifest",
            Self::ChildInvalid => "correct the object that asks for the component",
            Self::ScopeUnsupported => {
                "add the scope under spec.scopes of the manifest, or leave objects of another scope out"
            }
            Self::NamespaceForeign => {
                "remove metadata.namespace of the object, or write {{ .package.metadata.namespace }}"
            }
            Self::ClusterScoped => {
                "leave the object out, or write \"scopes: [Cluster]\" in the manifest and install a ClusterPackage"
            }
            Self::TooLarge => "split the package into several, or into components",
            Self::ConfigInvalid => "correct the configuration, or the schema in the manifest",
            Self::FixtureDiffers => {
                "\"stevedore package test\" shows the difference, and with --update writes the fixtures anew"
            }
            // Their details say it.
            Self::ComponentsFile | Self::LockMissing | Self::LockDiffers | Self::TooCostly => {
                return None;
            }
        })
    }
}
