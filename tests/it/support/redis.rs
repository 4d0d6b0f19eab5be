//! A `redis-server` child of the test's own, on a free port, that can be killed, frozen and
//! started again.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{server::free_address, within};

/// How long a Redis may take to start on a busy machine.
const START: Duration = Duration::from_secs(20);

/// The child. It is killed and its files are removed when this is dropped.
pub struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    directory: PathBuf,
    child: Option<Child>,
}

impl RedisServer {
    /// A running server, or `None`, said aloud, where `redis-server` is not installed.
    /// `options` are as on its command line: `&["--requirepass", "pw"]`.
    pub async fn start(options: &[&str]) -> Option<Self> {
        let mut server = Self::absent(options)?;
        server.restart().await;
        Some(server)
    }

    /// A server that is not running yet; its port is known.
    pub fn absent(options: &[&str]) -> Option<Self> {
        let found = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if found.is_err() {
            eprintln!("skipped: redis-server is not installed");
            return None;
        }
        let port = free_address().port();
        let directory = directory(port);
        let (number, folder) = (port.to_string(), directory.display().to_string());
        let fixed = [
            ["--port", &number],
            ["--bind", "127.0.0.1"],
            ["--dir", &folder],
            ["--save", ""],
        ];
        let arguments = fixed.as_flattened().iter().chain(options);
        Some(Self {
            port,
            arguments: arguments.map(|&text| text.to_owned()).collect(),
            directory,
            child: None,
        })
    }

    /// A Sentinel that watches one primary on this machine and decides alone, quickly.
    pub async fn sentinel(service_name: &str, primary: u16) -> Self {
        let mut server = Self::absent(&[]).expect("redis-server was there before");
        let (port, directory) = (server.port, server.directory.display());
        // Unlike others it rewrites its file, and takes few options on the command line.
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {directory}\n\
             sentinel monitor {service_name} 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds {service_name} 500\n\
             sentinel failover-timeout {service_name} 3000\n"
        );
        fs::create_dir_all(&server.directory).expect("the temporary directory can be written");
        let file = server.directory.join("sentinel.conf");
        fs::write(&file, text).expect("the temporary directory can be written");
        server.arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        server.restart().await;
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:<port>`, a connection string as it is.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, empty, on the same port; returns when it answers.
    pub async fn restart(&mut self) {
        self.spawn();
        within(START, "Redis answers", async {
            while !self.answers().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Starts it, empty, on the same port, and does not wait.
    pub fn spawn(&mut self) {
        self.kill();
        fs::create_dir_all(&self.directory).expect("the temporary directory can be written");
        let child = Command::new("redis-server")
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server starts"));
    }

    /// `SIGKILL`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// `SIGSTOP`: it keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// What it answers to one command, over a connection of its own; errors are text like
    /// everything else. With a password, send it first: `["AUTH pw", "GET x"]`.
    pub async fn ask(&self, commands: &[&str]) -> Vec<String> {
        self.try_ask(commands)
            .await
            .unwrap_or_else(|error| panic!("{commands:?}: {error}"))
    }

    async fn try_ask(&self, commands: &[&str]) -> std::io::Result<Vec<String>> {
        let mut socket = TcpStream::connect(self.address()).await?;
        let mut request = commands.join("\r\n");
        // The end of the connection is the end of the answers. A Sentinel knows no QUIT and takes
        // the end of what we say for it.
        request.push_str("\r\nQUIT\r\n");
        socket.write_all(request.as_bytes()).await?;
        socket.shutdown().await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer.lines().map(str::to_owned).collect())
    }

    async fn answers(&self) -> bool {
        // Without its password it answers too, with an error that shows that it is up.
        let answer = self.try_ask(&["PING"]).await.unwrap_or_default();
        answer
            .first()
            .is_some_and(|line| line == "+PONG" || line.starts_with("-NOAUTH"))
    }

    fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("it is running");
        let done = Command::new("kill")
            .args(["-s", name, &child.id().to_string()])
            .status();
        assert!(done.is_ok_and(|status| status.success()), "kill -s {name}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn directory(port: u16) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("managing-api-redis-{}-{port}-{number}", std::process::id());
    std::env::temp_dir().join(name)
}
