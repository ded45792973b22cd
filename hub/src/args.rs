//! The command line of the hub.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use stevedore_hub_controllers::{ImagePrefixes, RegistryHosts};
use stevedore_proto_core::{label, name};
use stevedore_runtime::daemon::Flags;

/// Holds what every cluster of a fleet should run, and gives it to their agents.
///
/// Everything it knows stands in its own cluster, as objects. Run it in that cluster, or anywhere with a
/// kubeconfig of it; one of several replicas leads.
#[derive(Debug, Clone, Parser)]
#[command(name = "stevedore-hub", version)]
pub struct Args {
    /// Reach the API server as this file says, instead of as the pod's service account.
    #[arg(long, value_name = "FILE", env = "STEVEDORE_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,

    /// The hub's own namespace: its CA, join tokens, contents, ledgers and Lease.
    #[arg(long, default_value = label::SYSTEM_NAMESPACE, value_parser = name::namespace, value_name = "NAMESPACE", env = "STEVEDORE_NAMESPACE")]
    pub namespace: String,

    /// Where agents connect; port 0 picks a free one.
    #[arg(
        long,
        default_value = "0.0.0.0:9443",
        value_name = "ADDR",
        env = "STEVEDORE_LISTEN"
    )]
    pub listen: SocketAddr,

    /// Address that agents reach the hub by, `host:port`; its host is in the hub's certificate. Can be given
    /// many times; the first ones are tried first. Without one, the address it listens on.
    #[arg(
        long = "advertise",
        value_name = "HOST:PORT",
        env = "STEVEDORE_ADVERTISE",
        value_delimiter = ','
    )]
    pub advertise: Vec<String>,

    /// Where health and metrics are served; port 0 picks a free one.
    #[arg(
        long,
        default_value = "127.0.0.1:9460",
        value_name = "ADDR",
        env = "STEVEDORE_ADMIN_ADDR"
    )]
    pub admin_addr: SocketAddr,

    /// Talk to this registry without TLS (`host` or `host:port`); loopback needs no such leave. Can be given
    /// many times.
    #[arg(long = "allow-http-registry", value_name = "HOST")]
    pub allow_http_registries: Vec<String>,

    /// Take images that begin with FROM from TO instead: packages, and the images that packages name. Of several that
    /// fit, the longest FROM counts. Another value changes what is rendered of packages with such images.
    #[arg(
        long,
        value_name = "FROM=TO,...",
        env = "STEVEDORE_IMAGE_PREFIX_OVERRIDES",
        default_value = "",
        hide_default_value = true,
        value_parser = ImagePrefixes::parse
    )]
    pub image_prefix_overrides: ImagePrefixes,

    /// Pull packages from the registry TO where they name FROM, each a host with or without a port. Images that
    /// packages name stay as they are.
    #[arg(
        long,
        value_name = "FROM=TO,...",
        env = "STEVEDORE_REGISTRY_HOST_OVERRIDES",
        default_value = "",
        hide_default_value = true,
        value_parser = RegistryHosts::parse
    )]
    pub registry_host_overrides: RegistryHosts,

    /// Also trust these certificate authorities when talking to registries, PEM.
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,

    /// Log and ready file.
    #[command(flatten)]
    pub daemon: Flags,
}

/// Hosts of `host:port` addresses, as they stand in a certificate.
pub(crate) fn hosts(addresses: &[String]) -> Vec<String> {
    let host = |address: &String| {
        let host = address
            .rsplit_once(':')
            .map_or(address.as_str(), |(host, _)| host);
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned()
    };
    addresses.iter().map(host).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
        let about = Args::command().get_about().map(ToString::to_string);
        assert!(about.is_some_and(|about| about.starts_with("Holds what every cluster")));
    }

    #[test]
    fn overrides_are_read_from_one_text_and_a_wrong_one_is_refused() {
        let parse = |flag: &str| Args::try_parse_from(["stevedore-hub", flag]);
        let args = parse("--image-prefix-overrides=a.example/=b.example/,c=d").unwrap();
        assert_eq!(
            args.image_prefix_overrides.replace("a.example/x:1"),
            "b.example/x:1"
        );
        let args = parse("--registry-host-overrides=a.example=b.example:5000").unwrap();
        assert_eq!(
            args.registry_host_overrides.get("a.example"),
            Some("b.example:5000")
        );
        for wrong in [
            "--image-prefix-overrides=a",
            "--registry-host-overrides=a=b/c",
        ] {
            let error = parse(wrong).expect_err("a wrong override").to_string();
            assert!(error.contains("overrides"), "{error}");
        }
    }

    #[test]
    fn the_host_of_an_address_is_what_stands_before_its_port() {
        let of = |text: &str| hosts(&[text.to_owned()]).remove(0);
        assert_eq!(of("hub.example:9443"), "hub.example");
        assert_eq!(of("127.0.0.1:1"), "127.0.0.1");
        assert_eq!(of("[::1]:1"), "::1");
    }
}
