//! The listening socket.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, for the moment after another instance has gone.
const BACKLOG: i32 = 4_096;

/// Listens on all interfaces, IPv6 and IPv4 alike; on IPv4 alone where there is no IPv6.
pub(super) fn listen(port: u16) -> io::Result<TcpListener> {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let bound = match Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)) {
        Ok(socket) if socket.set_only_v6(false).is_ok() => bind(socket, both),
        Ok(_) => Err(io::ErrorKind::Unsupported.into()),
        Err(error) => Err(error),
    };
    match bound {
        // The port is taken: that is the answer, not a reason to try the other family.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            bind(socket, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        }
        bound => bound,
    }
}

fn bind(socket: Socket, address: SocketAddr) -> io::Result<TcpListener> {
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn ipv4_clients_are_served_and_a_taken_port_is_an_error() {
        let listener = listen(0).expect("some port is free");
        let port = listener.local_addr().expect("is bound").port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("is accepted");
        let error = listen(port).expect_err("is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
