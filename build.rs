//! The console's built files are embedded; when they change, so does the program.

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
}
