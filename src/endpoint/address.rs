//! The link-local addresses of a project's containers.
//!
//! The engine gives them out as they are asked for, and sees to it that nobody has one twice only for those of its own
//! pools. Which one a container has must therefore follow from what it is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

/// Where tasks look for their credentials and metadata.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

/// The third bytes of the addresses that services may have; above them are those of what runs beside services.
const SLOTS: u8 = 239;
/// The third bytes of addresses that mean something on AWS: 169.254.169.254 and [`ADDRESS`].
const TAKEN: [u8; 2] = [169, 170];

/// A third byte for each service. It hardly ever changes when a service is added: it comes from the name, unless two
/// names lead to the same. `None` where there are more services than bytes.
#[must_use]
pub fn slots<'a>(services: impl IntoIterator<Item = &'a str>) -> Option<BTreeMap<&'a str, u8>> {
    let mut services: Vec<_> = services.into_iter().collect();
    services.sort_unstable();
    services.dedup();
    let mut slots: BTreeMap<&str, u8> = BTreeMap::new();
    for service in services {
        let free = |slot: &u8| !TAKEN.contains(slot) && !slots.values().any(|taken| taken == slot);
        let first = digest(service)[0] % SLOTS + 1;
        let slot = (first..=SLOTS).chain(1..first).find(free)?;
        slots.insert(service, slot);
    }
    Some(slots)
}

/// The address of a service's container with this number.
#[must_use]
pub fn address(slot: u8, number: u32) -> Option<Ipv4Addr> {
    let last = u8::try_from(number).ok().filter(|last| (1..=254).contains(last))?;
    Some(Ipv4Addr::new(169, 254, slot, last))
}

/// The address of a container that is none of a service's own.
#[must_use]
pub fn beside(name: &str) -> Ipv4Addr {
    let digest = digest(name);
    Ipv4Addr::new(169, 254, SLOTS + 1 + digest[0] % (254 - SLOTS), digest[1] % 254 + 1)
}

fn digest(name: &str) -> [u8; 2] {
    let digest = Sha256::digest(name);
    [digest[0], digest[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_services_share_a_slot_and_none_has_the_endpoints() {
        let names: Vec<_> = (0..200).map(|number| format!("service-{number}")).collect();
        let slots = slots(names.iter().map(String::as_str)).unwrap();
        let mut used: Vec<_> = slots.values().copied().collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), names.len());
        assert!(
            used.iter()
                .all(|slot| (1..=SLOTS).contains(slot) && !TAKEN.contains(slot))
        );
    }

    #[test]
    fn more_services_than_addresses() {
        let names: Vec<_> = (0..238).map(|number| number.to_string()).collect();
        assert_eq!(slots(names.iter().map(String::as_str)), None);
    }

    #[test]
    fn a_service_keeps_its_slot_when_another_comes() {
        let before = slots(["db", "web"]).unwrap();
        let after = slots(["cache", "db", "web"]).unwrap();
        assert_eq!((before["db"], before["web"]), (after["db"], after["web"]));
    }

    #[test]
    fn addresses() {
        assert_eq!(address(7, 3), Some(Ipv4Addr::new(169, 254, 7, 3)));
        assert_eq!(address(7, 0), None);
        assert_eq!(address(7, 255), None);
        assert!(beside("shop-web-run-1").octets()[2] > SLOTS);
    }
}
