//! The return to an older copy of a cluster's data.

use stevedore_fleet::Program;

use super::support::{api, apply, config_map, fleet, run};

#[test]
fn cluster_survives_kills_of_its_server_and_goes_back_to_its_backup() {
    run(async {
        let hub = fleet().await.hub();
        let maps = api(&hub.client(), "ConfigMap");
        let write = async |name: &str| {
            apply(&maps, "test", &config_map(name, "kept"))
                .await
                .expect("applied")
        };
        let early = write("early").await;
        let backup = hub.back_up().await.expect("a backup");
        write("late").await;

        for program in [Program::ApiServer, Program::Etcd] {
            let exit = hub.kill_program(program).await.expect("it has it");
            assert!(exit.is_some_and(|exit| exit.code.is_none()), "{program}");
        }
        assert!(hub.pid(Program::ApiServer).await.is_none());
        let ended = hub.stop_program(Program::ControllerManager).await;
        assert!(ended.expect("it has it").is_some());
        hub.start_again().await.expect("it comes back");
        maps.get("late").await.expect("what was written is there");

        hub.restore(&backup).await.expect("it goes back");
        let kept = maps.get("early").await.expect("older than the backup");
        assert_eq!(kept.metadata.uid, early.metadata.uid);
        let lost = maps.get_opt("late").await.expect("an answer");
        assert!(lost.is_none(), "newer than the backup");
    });
}
