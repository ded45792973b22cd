//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use stevedore_proto_core::{label, name};
use stevedore_runtime::daemon::Flags;

/// Applies object sets in this cluster and reports on them to a hub.
///
/// It dials out and opens no port but the one for health and metrics. What it has accepted stands in the
/// cluster as ClusterObjectSets, so it works on without the hub and after its own restart. Once it has joined,
/// its identity stands in the cluster too: it is started again without a token.
#[derive(Debug, Clone, Parser)]
#[command(name = "stevedore-agent", version)]
pub struct Args {
    /// Reach the API server as this file says, instead of as the pod's service account.
    #[arg(long, value_name = "FILE", env = "STEVEDORE_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,

    /// The agent's own namespace: its state, its identity and the accounts of cluster packages.
    #[arg(long, default_value = label::SYSTEM_NAMESPACE, value_parser = name::namespace, value_name = "NAMESPACE", env = "STEVEDORE_NAMESPACE")]
    pub namespace: String,

    /// Where health and metrics are served; port 0 picks a free one.
    #[arg(
        long,
        default_value = "127.0.0.1:9470",
        value_name = "ADDR",
        env = "STEVEDORE_ADMIN_ADDR"
    )]
    pub admin_addr: SocketAddr,

    /// Join a hub with the token in this file, unless an identity is stored already.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "standalone",
        env = "STEVEDORE_JOIN_TOKEN_FILE"
    )]
    pub join_token_file: Option<PathBuf>,

    /// Address of the hub, `host:port`; taken from the join token or the stored identity when absent.
    #[arg(
        long,
        value_name = "ADDR",
        conflicts_with = "standalone",
        env = "STEVEDORE_HUB"
    )]
    pub hub: Option<String>,

    /// Run without a hub: object sets and object deployments are used directly.
    #[arg(long, env = "STEVEDORE_STANDALONE")]
    pub standalone: bool,

    /// Log and ready file.
    #[command(flatten)]
    pub daemon: Flags,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
        let about = Args::command().get_about().map(ToString::to_string);
        assert!(about.is_some_and(|about| about.starts_with("Applies object sets")));
    }

    #[test]
    fn an_agent_that_has_joined_needs_no_flag_and_one_without_a_hub_says_so() {
        assert!(
            !Args::try_parse_from(["stevedore-agent"])
                .unwrap()
                .standalone
        );
        assert!(Args::try_parse_from(["stevedore-agent", "--standalone", "--hub", "h:1"]).is_err());
        assert!(Args::try_parse_from(["stevedore-agent", "--hub", "h:1"]).is_ok());
        assert!(
            Args::try_parse_from(["stevedore-agent", "--standalone"])
                .unwrap()
                .standalone
        );
    }
}
