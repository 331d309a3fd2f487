//! Sending a folder to a build: what is there is told, and what the builder lacks is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::unbounded_channel;

use super::grpc::{Receiver, Sender, Status, UNKNOWN};
use super::messages::{Packet, PacketKind, Stat};
use super::tree::{Wanted, is_file, walk};

/// How much of a file is read at once.
const CHUNK: usize = 64 << 10;

/// What a build can have files of.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Folder(PathBuf),
    /// One file of which only the text is known.
    Text {
        name: String,
        text: String,
    },
}

pub(super) async fn send(
    place: &Place,
    wanted: Wanted,
    receiver: &mut Receiver,
    sender: &mut Sender,
) -> Result<(), Status> {
    let exchanged = exchange(place, wanted, receiver, sender).await;
    if let Err(status) = &exchanged {
        // The receiver reads this and no more; without it, it would wait.
        let packet = Packet {
            data: Bytes::from(status.message.clone()),
            ..packet(PacketKind::Error)
        };
        let _ = sender.send(&packet).await;
    }
    exchanged
}

async fn exchange(place: &Place, wanted: Wanted, receiver: &mut Receiver, sender: &mut Sender) -> Result<(), Status> {
    let stats = list(place, wanted).await?;
    let (ask, mut asked) = unbounded_channel();
    // The receiver asks for files while it still hears what there is.
    let hear = async {
        // What is not asked for by now never will be.
        let ask = ask;
        while let Some(packet) = receiver.next::<Packet>().await? {
            match packet.kind() {
                PacketKind::Request => drop(ask.send(packet.id)),
                PacketKind::Finish => return Ok(()),
                PacketKind::Error => {
                    let message = String::from_utf8_lossy(&packet.data);
                    return Err(Status::new(UNKNOWN, message));
                }
                PacketKind::Stat | PacketKind::Data => {}
            }
        }
        Err(Status::new(UNKNOWN, "the builder has hung up"))
    };
    let tell = async {
        for stat in &stats {
            let packet = Packet {
                stat: Some(stat.clone()),
                ..packet(PacketKind::Stat)
            };
            sender.send(&packet).await?;
        }
        sender.send(&packet(PacketKind::Stat)).await?;
        while let Some(id) = asked.recv().await {
            let stat = stats.get(id as usize).filter(|stat| is_file(stat));
            let stat = stat.ok_or_else(|| Status::new(UNKNOWN, format!("there is no file {id}")))?;
            content(place, stat, id, sender).await?;
        }
        sender.send(&packet(PacketKind::Finish)).await
    };
    tokio::try_join!(hear, tell).map(drop)
}

async fn list(place: &Place, wanted: Wanted) -> Result<Vec<Stat>, Status> {
    match place {
        Place::Folder(root) => {
            let root = root.clone();
            // Others go on while a large folder is read.
            let walked = tokio::task::spawn_blocking(move || walk(&root, &wanted)).await;
            Ok(walked.map_err(io::Error::other)??)
        }
        Place::Text { name, text } => {
            let named = |included: &String| included == name;
            let stat = Stat {
                path: name.clone(),
                mode: 0o644,
                size: i64::try_from(text.len()).unwrap_or(i64::MAX),
                modified: time_of(text),
                ..Stat::default()
            };
            let is_wanted = wanted.included.is_empty() || wanted.included.iter().any(named);
            Ok(is_wanted.then_some(stat).into_iter().collect())
        }
    }
}

/// A text has no time of its own, and a builder that is told the same time takes a text for the one it knows.
fn time_of(text: &str) -> i64 {
    let digest = Sha256::digest(text);
    let bytes = digest.iter().take(7);
    bytes.fold(0, |time, byte| (time << 8) | i64::from(*byte))
}

async fn content(place: &Place, stat: &Stat, id: u32, sender: &mut Sender) -> Result<(), Status> {
    let data = |data: Bytes| Packet {
        id,
        data,
        ..packet(PacketKind::Data)
    };
    match place {
        Place::Text { text, .. } => sender.send(&data(Bytes::from(text.clone()))).await?,
        Place::Folder(root) => {
            let path = root.join(&stat.path);
            let about = |error: io::Error| Status::new(UNKNOWN, format!("{}: {error}", path.display()));
            let mut file = File::open(&path).map_err(about)?;
            loop {
                let mut buffer = vec![0; CHUNK.min(usize::try_from(stat.size).unwrap_or(CHUNK) + 1)];
                let length = file.read(&mut buffer).map_err(about)?;
                if length == 0 {
                    break;
                }
                buffer.truncate(length);
                sender.send(&data(buffer.into())).await?;
            }
        }
    }
    sender.send(&data(Bytes::new())).await
}

fn packet(kind: PacketKind) -> Packet {
    Packet {
        kind: kind.into(),
        ..Packet::default()
    }
}
