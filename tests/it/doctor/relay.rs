//! A proxy in front of the server that does one thing wrong.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    DropUpgrade,
    /// Answers that are no upgrade are passed on when they are complete.
    HoldAnswers,
    /// Connections without a byte for 5 s are closed.
    CloseQuiet,
    /// The server's clock seems to be an hour off.
    WrongDate,
}

const QUIET: Duration = Duration::from_secs(5);

pub struct Relay {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub async fn start(upstream: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("is bound").port();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A side that hangs up is all that can go wrong here.
                tokio::spawn(async move { relay(client, upstream, fault).await.ok() });
            }
        });
        Self { port, task }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

async fn relay(mut client: TcpStream, upstream: u16, fault: Fault) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    let head = read_head(&mut client).await?;
    let upgrades = head.to_lowercase().contains("upgrade: websocket");
    let head = match upgrades && fault != Fault::DropUpgrade {
        true => head,
        // One request for each connection: the end of the answer is then the end of the stream.
        false => without(&head, &["upgrade:", "connection:"]).replacen(
            "\r\n",
            "\r\nConnection: close\r\n",
            1,
        ),
    };
    server.write_all(head.as_bytes()).await?;
    match fault {
        Fault::HoldAnswers if !upgrades => hold(client, server).await,
        Fault::CloseQuiet => close_quiet(client, server).await,
        Fault::WrongDate => {
            let answer = read_head(&mut server).await?;
            let wrong = "\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n";
            let answer = without(&answer, &["date:"]).replacen("\r\n", wrong, 1);
            client.write_all(answer.as_bytes()).await?;
            copy_bidirectional(&mut client, &mut server)
                .await
                .map(|_| ())
        }
        _ => copy_bidirectional(&mut client, &mut server)
            .await
            .map(|_| ()),
    }
}

/// Up to and with the empty line; what follows is left in the socket.
async fn read_head(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn without(head: &str, names: &[&str]) -> String {
    let kept = head.split_inclusive("\r\n").filter(|line| {
        let line = line.to_lowercase();
        !names.iter().any(|name| line.starts_with(name))
    });
    kept.collect()
}

async fn hold(client: TcpStream, server: TcpStream) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let request = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        // A client that goes away ends both, as a proxy would.
        Ok::<(), std::io::Error>(())
    };
    let answer = async {
        let mut whole = Vec::new();
        from_server.read_to_end(&mut whole).await?;
        to_client.write_all(&whole).await
    };
    tokio::select! {
        done = request => done,
        done = answer => done,
    }
}

async fn close_quiet(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    let (mut from_client, mut from_server) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read? {
                0 => return Ok(()),
                length => server.write_all(&from_client[..length]).await?,
            },
            read = server.read(&mut from_server) => match read? {
                0 => return Ok(()),
                length => client.write_all(&from_server[..length]).await?,
            },
            () = tokio::time::sleep(QUIET) => return Ok(()),
        }
    }
}
