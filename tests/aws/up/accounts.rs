//! Two accounts, one project: each has its own.

use super::WEB;
use crate::world::World;

#[test]
fn the_context_says_where_a_project_goes() {
    let (Some(one), Some(other)) = (World::new(), World::new()) else {
        return;
    };
    one.sandbox.write("compose.yaml", WEB);
    one.ok(&["up"]);
    assert_eq!(one.lab.stacks(), ["shop"]);
    assert!(other.lab.stacks().is_empty());
}
