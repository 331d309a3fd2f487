//! The laboratory itself: that it starts, keeps accounts apart, and leaves nothing behind.

use crate::support::lab::Lab;

#[test]
fn accounts_do_not_see_each_other() {
    let (Some(one), Some(other)) = (Lab::shared(), Lab::shared()) else {
        return;
    };
    assert_ne!(one.account(), other.account());
    assert!(one.stacks().is_empty());
}
