//! Changed files as the tar archive that the engine unpacks in a container.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::decide::{Copies, Source};

/// Who owns the files in a container.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Owner {
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// The archive, to be unpacked at `/`, and how many paths are in it. What is gone by now is left out.
pub(super) fn archive(copies: &Copies, owner: Owner) -> io::Result<(Vec<u8>, usize)> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut count = 0;
    for (target, source) in copies {
        let Source::Path(path) = source else {
            continue;
        };
        match append(&mut builder, path, target.trim_start_matches('/'), owner) {
            Ok(added) => count += usize::from(added),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        }
    }
    Ok((builder.into_inner()?, count))
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &Path, target: &str, owner: Owner) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(found.mode() & 0o7777);
    header.set_uid(owner.uid);
    header.set_gid(owner.gid);
    header.set_mtime(u64::try_from(found.mtime()).unwrap_or(0));
    header.set_size(0);
    if found.is_symlink() {
        header.set_entry_type(tar::EntryType::Symlink);
        builder.append_link(&mut header, target, fs::read_link(path)?)?;
    } else if found.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        builder.append_data(&mut header, format!("{target}/"), io::empty())?;
    } else if found.is_file() {
        // Read first: a file that is just being written may have another size than it had a moment ago.
        let content = fs::read(path)?;
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, target, content.as_slice())?;
    } else {
        // Sockets and devices are nothing that could be copied.
        return Ok(false);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn files_keep_what_they_are_and_get_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("run"), "#!").unwrap();
        fs::set_permissions(path("run"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("run", path("link")).unwrap();
        fs::create_dir(path("dir")).unwrap();
        let copies = Copies::from([
            ("/app/run".to_owned(), Source::Path(path("run"))),
            ("/app/link".to_owned(), Source::Path(path("link"))),
            ("/app/dir".to_owned(), Source::Path(path("dir"))),
            ("/app/vanished".to_owned(), Source::Path(path("vanished"))),
            ("/app/gone".to_owned(), Source::Gone),
        ]);
        let (bytes, count) = archive(&copies, Owner { uid: 7, gid: 8 }).unwrap();
        assert_eq!(count, 3);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (
                    path,
                    header.entry_type(),
                    header.mode().unwrap(),
                    header.uid().unwrap(),
                    header.gid().unwrap(),
                )
            })
            .collect();
        let of = |name: &str| entries.iter().find(|entry| entry.0 == name).unwrap().clone();
        assert_eq!(
            of("app/run"),
            ("app/run".to_owned(), tar::EntryType::Regular, 0o750, 7, 8)
        );
        assert_eq!(of("app/link").1, tar::EntryType::Symlink);
        assert_eq!(of("app/dir/").1, tar::EntryType::Directory);
    }
}
