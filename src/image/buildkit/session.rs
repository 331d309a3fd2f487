//! What a build asks back while it runs: files, secrets, credentials and ssh agents.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::filesync::{Place, send};
use super::grpc::{NOT_FOUND, Receiver, Sender, Status, UNIMPLEMENTED, UNKNOWN, answer, answering};
use super::messages::{ById, Content, CredentialsRequest, CredentialsResponse, Health, Nothing};
use super::tree::Wanted;
use crate::engine::{Connection, Stream};
use crate::registry::Login;

const FILES: &str = "/moby.filesync.v1.FileSync/DiffCopy";
const CREDENTIALS: &str = "/moby.filesync.v1.Auth/Credentials";
const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const CHECK_AGENT: &str = "/moby.sshforward.v1.SSH/CheckAgent";
const FORWARD_AGENT: &str = "/moby.sshforward.v1.SSH/ForwardAgent";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// What a session offers. It answers nothing else.
pub(super) const METHODS: &[&str] = &[FILES, CREDENTIALS, SECRET, CHECK_AGENT, FORWARD_AGENT, HEALTH];

/// `SERVING`
const SERVING: i32 = 1;
/// How much of an agent's answers is passed on at once.
const CHUNK: usize = 32 << 10;
/// Docker Hub, as the engine calls it when it asks for credentials.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// What one build may have.
pub(super) struct Offer {
    /// By the names that the build knows them by.
    pub(super) places: HashMap<String, Place>,
    pub(super) secrets: HashMap<String, Secret>,
    /// Sockets of agents.
    pub(super) agents: HashMap<String, PathBuf>,
    /// Who knows who one is at registries.
    pub(super) engine: Arc<Connection>,
}

pub(super) enum Secret {
    File(PathBuf),
    Content(String),
}

/// Answers until the other side hangs up.
pub(super) async fn serve(stream: Box<dyn Stream>, offer: Arc<Offer>) -> Result<(), Status> {
    let mut connection = answering(stream).await?;
    // They end with the session.
    let mut calls = JoinSet::new();
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        calls.spawn(handle(request, respond, Arc::clone(&offer)));
        while calls.try_join_next().is_some() {}
    }
    Ok(())
}

async fn handle(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    offer: Arc<Offer>,
) -> Result<(), Status> {
    let (head, body) = request.into_parts();
    let mut receiver = Receiver::new(body);
    let mut sender = answer(&mut respond)?;
    let result = offer
        .answer(head.uri.path(), &head.headers, &mut receiver, &mut sender)
        .await;
    sender.end(result)
}

impl Offer {
    async fn answer(
        &self,
        method: &str,
        headers: &HeaderMap,
        receiver: &mut Receiver,
        sender: &mut Sender,
    ) -> Result<(), Status> {
        match method {
            FILES => {
                let names = all(headers, "dir-name");
                let name = names.first().map_or("", String::as_str);
                let place = self.places.get(name);
                let place = place.ok_or_else(|| Status::new(NOT_FOUND, format!("no folder is called `{name}`")))?;
                let wanted = Wanted {
                    included: all(headers, "include-patterns"),
                    excluded: all(headers, "exclude-patterns"),
                    followed: all(headers, "followpaths"),
                };
                send(place, wanted, receiver, sender).await
            }
            CREDENTIALS => {
                let host = receiver.only::<CredentialsRequest>().await?.host;
                sender.send(&self.credentials(&host).await?).await
            }
            SECRET => {
                let id = receiver.only::<ById>().await?.id;
                let data = match self.secrets.get(&id) {
                    Some(Secret::Content(content)) => content.clone().into_bytes(),
                    Some(Secret::File(path)) => std::fs::read(path)
                        .map_err(|error| Status::new(UNKNOWN, format!("{}: {error}", path.display())))?,
                    None => return Err(Status::new(NOT_FOUND, format!("no secret is called `{id}`"))),
                };
                sender.send(&Content { data }).await
            }
            CHECK_AGENT => {
                let id = receiver.only::<ById>().await?.id;
                self.agent(&id)?;
                sender.send(&Nothing {}).await
            }
            FORWARD_AGENT => {
                let ids = all(headers, "buildkit.ssh.id");
                let path = self.agent(ids.first().map_or("", String::as_str))?;
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|error| Status::new(UNKNOWN, format!("{}: {error}", path.display())))?;
                forward(stream, receiver, sender).await
            }
            HEALTH => {
                receiver.only::<Nothing>().await?;
                sender.send(&Health { status: SERVING }).await
            }
            _ => {
                receiver.only::<Nothing>().await?;
                Err(Status::new(UNIMPLEMENTED, format!("{method} is not answered")))
            }
        }
    }

    fn agent(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { "default" } else { id };
        let agent = self.agents.get(id);
        agent.ok_or_else(|| Status::new(NOT_FOUND, format!("no ssh agent is called `{id}`")))
    }

    async fn credentials(&self, host: &str) -> Result<CredentialsResponse, Status> {
        let registry = if host == DOCKER_HUB { "docker.io" } else { host };
        let login = self.engine.login_at(registry).await;
        Ok(
            match login.map_err(|failure| Status::new(UNKNOWN, failure.to_string()))? {
                Login::Password { user, password } => CredentialsResponse { user, secret: password },
                Login::IdentityToken(secret) => CredentialsResponse {
                    user: String::new(),
                    secret,
                },
                // BuildKit has no word for a token that is shown as it is.
                Login::RegistryToken(_) | Login::Nobody => CredentialsResponse::default(),
            },
        )
    }
}

/// Lets a build speak with an agent.
async fn forward(stream: UnixStream, receiver: &mut Receiver, sender: &mut Sender) -> Result<(), Status> {
    let (mut answers, mut questions) = stream.into_split();
    let ask = async {
        while let Some(part) = receiver.next::<Content>().await? {
            questions.write_all(&part.data).await?;
        }
        questions.shutdown().await?;
        Ok::<_, Status>(())
    };
    let hear = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            match answers.read(&mut buffer).await? {
                0 => return Ok::<_, Status>(()),
                length => {
                    let data = buffer[..length].to_vec();
                    sender.send(&Content { data }).await?;
                }
            }
        }
    };
    tokio::try_join!(ask, hear).map(drop)
}

/// All values of a header; BuildKit escapes those that are not plain ASCII, and says so.
fn all(headers: &HeaderMap, name: &str) -> Vec<String> {
    let escaped = headers.contains_key(format!("{name}-encoded"));
    let values = headers.get_all(name).iter();
    values
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            if escaped {
                let text = text.replace('+', " ");
                percent_decode_str(&text).decode_utf8_lossy().into_owned()
            } else {
                text.into_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_buildkit_writes_them() {
        let mut headers = HeaderMap::new();
        for value in ["a", "b+c"] {
            headers.append("followpaths", value.parse().unwrap());
        }
        assert_eq!(all(&headers, "followpaths"), ["a", "b+c"]);
        headers.append("followpaths", "%C3%BC+x".parse().unwrap());
        headers.insert("followpaths-encoded", "1".parse().unwrap());
        assert_eq!(all(&headers, "followpaths"), ["a", "b c", "ü x"]);
        assert_eq!(all(&headers, "include-patterns"), Vec::<String>::new());
    }

    /// A session with one of everything, and whoever asks it.
    fn ask<M: prost::Message + Default + 'static>(
        agent: PathBuf,
        method: &'static str,
        question: &impl prost::Message,
    ) -> Result<Vec<M>, Status> {
        let endpoint = crate::context::DockerEndpoint {
            host: Some("tcp://127.0.0.1:1".to_owned()),
            ..Default::default()
        };
        let offer = Offer {
            places: HashMap::new(),
            secrets: [("word".to_owned(), Secret::Content("hush".to_owned()))].into(),
            agents: [("default".to_owned(), agent)].into(),
            engine: Arc::new(Connection::open(&endpoint, None).unwrap()),
        };
        crate::blocking::wait(async {
            let (near, far) = tokio::io::duplex(1 << 16);
            let serving = serve(Box::new(far), Arc::new(offer));
            let asking = async {
                let (client, connection) = super::super::grpc::asking(near).await?;
                let mut heard = Vec::new();
                tokio::select! {
                    result = client.call(method, question, |answer| heard.push(answer)) => result?,
                    _ = connection => {}
                }
                Ok(heard)
            };
            tokio::select! {
                heard = asking => heard,
                served = serving => served.map(|()| Vec::new()),
            }
        })
        .unwrap()
    }

    #[test]
    fn a_build_gets_what_is_its_own_and_nothing_else() {
        let by = |id: &str| ById { id: id.to_owned() };
        let secret = |id| ask::<Content>(PathBuf::new(), SECRET, &by(id));
        assert_eq!(secret("word").unwrap()[0].data, b"hush");
        let refused = secret("other").unwrap_err();
        assert_eq!(refused, Status::new(NOT_FOUND, "no secret is called `other`"));
        assert_eq!(
            ask::<Health>(PathBuf::new(), HEALTH, &Nothing {}).unwrap()[0].status,
            SERVING
        );
        let unknown = ask::<Nothing>(PathBuf::new(), "/a.b/C", &Nothing {}).unwrap_err();
        assert_eq!(unknown.code, UNIMPLEMENTED);
        let nobody = ask::<CredentialsResponse>(
            PathBuf::new(),
            CREDENTIALS,
            &CredentialsRequest {
                host: "registry.test".to_owned(),
            },
        );
        assert_eq!(nobody.unwrap(), [CredentialsResponse::default()]);
    }

    #[test]
    fn a_build_speaks_with_the_agent() {
        use std::io::{Read, Write};
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).unwrap();
            stream.write_all(b"answer").unwrap();
            question
        });
        let question = Content {
            data: b"question".to_vec(),
        };
        let heard = ask::<Content>(socket, FORWARD_AGENT, &question).unwrap();
        assert_eq!(agent.join().unwrap(), "question");
        let heard: Vec<u8> = heard.into_iter().flat_map(|part| part.data).collect();
        assert_eq!(heard, b"answer");
    }
}
