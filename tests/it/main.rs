//! Black-box tests: every test here starts a server as a child process and speaks to it as a client
//! would, over TCP. `support` holds the clients, `conformance` runs the recorded scenarios,
//! `backplane` is about what holds between instances, `doctor` about faults of a deployment and their cures, `eventlog` about logs in a store, `fleet` about several instances behind a load balancer, `hostile` about clients that mean no good or do not keep up, `program` about the program itself, `redis` about the Redis service, `rooms` about who imports whom (it reads the source), `stop` about being stopped, `trading` about bots and backtests,
//! `api` about the HTTP API and who may do what.

mod api;
mod backplane;
mod chat;
mod conformance;
mod doctor;
mod eventlog;
mod fleet;
mod hostile;
mod program;
mod redis;
mod rooms;
mod stop;
mod support;
mod trading;
