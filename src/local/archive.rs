//! Small files as the tar archive that the engine unpacks in a container.

use super::mounts::Copied;

/// The files at their absolute paths, to be unpacked at `/`.
pub(super) fn archive(files: &[Copied]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        archive.append_data(&mut header, file.path.trim_start_matches('/'), file.content.as_slice())?;
    }
    archive.into_inner()
}
