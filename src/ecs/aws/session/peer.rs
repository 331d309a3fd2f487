//! Who has the other end of a connection on this machine. A program that has said all and still listens looks, to TCP,
//! like one that has gone; only the system knows. Linux tells; where nobody does, both may be true.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// The system's connections, as it lists them; nothing where it does not.
#[derive(Debug)]
pub(super) struct Connections(String);

impl Connections {
    pub(super) fn now() -> Option<Self> {
        let mut listed = fs::read_to_string("/proc/net/tcp").ok()?;
        // A program that speaks IPv6 may have come by IPv4.
        listed += &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
        Some(Self(listed))
    }

    /// Whether a program has the end `far` of the connection to `near`: one that is closed has no inode any more.
    pub(super) fn have_owner(&self, far: SocketAddr, near: SocketAddr) -> bool {
        let (Some(far), Some(near)) = (listed(far), listed(near)) else {
            return true;
        };
        self.0.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let &[_, from, to, _, _, _, _, _, _, inode, ..] = fields.as_slice() else {
                return false;
            };
            from.ends_with(&far) && to.ends_with(&near) && inode != "0"
        })
    }
}

/// How the list ends an address of IPv4, also one in IPv6's clothes.
fn listed(address: SocketAddr) -> Option<String> {
    match address.ip() {
        IpAddr::V4(ip) => Some(format!(
            "{:08X}:{:04X}",
            u32::from_ne_bytes(ip.octets()),
            address.port()
        )),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{Shutdown, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn half_an_end_has_an_owner_and_a_closed_one_has_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = listener.local_addr().unwrap();
        let client = TcpStream::connect(near).unwrap();
        let (_server, far) = listener.accept().unwrap();
        let have_owner = || Connections::now().unwrap().have_owner(far, near);
        assert!(have_owner());
        client.shutdown(Shutdown::Write).unwrap();
        assert!(have_owner());
        drop(client);
        assert!(!have_owner());
    }

    #[test]
    fn an_address_is_found_in_both_lists() {
        let line = |from: &str, to: &str, inode: &str| {
            let rest = "05 00000000:00000000 00:00000000 00000000 1000 0";
            Connections(format!("   0: {from} {to} {rest} {inode} 1 0 20 4 30 10 -1\n"))
        };
        let mapped = |port: &str| {
            format!(
                "0000000000000000FFFF0000{:08X}:{port}",
                u32::from_ne_bytes([127, 0, 0, 1])
            )
        };
        let (far, near) = ("127.0.0.1:4660".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        assert!(line(&mapped("1234"), &mapped("0050"), "77").have_owner(far, near));
        assert!(!line(&mapped("1234"), &mapped("0050"), "0").have_owner(far, near));
        assert!(!line(&mapped("0050"), &mapped("1234"), "77").have_owner(far, near));
    }
}
