//! A package from its image to all members: which write comes before which, and before which order.

use super::state;
use super::world::World;

#[tokio::test(start_paused = true)]
async fn a_package_reaches_every_member_and_is_available() {
    let mut world = World::with_package(&["east", "west"]).await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    let conditions = state::conditions(&package);
    assert!(conditions.contains("Available=True/"), "{conditions}");
    assert_eq!(package["status"]["counts"]["available"], 2);
}
