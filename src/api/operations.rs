//! Names the operations of a group of routes once: they are served and described from one list.

/// `operations!(a, b)` makes `operations(config)`, which serves the handlers, and `Described`,
/// their part of the OpenAPI document. The handlers carry actix's route attribute below
/// `#[utoipa::path]`.
macro_rules! operations {
    ($($handler:ident),+ $(,)?) => {
        fn operations(config: &mut actix_web::web::ServiceConfig) {
            $(config.service($handler);)+
        }

        /// The part of these routes in the OpenAPI document.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler),+))]
        pub struct Described;
    };
}

pub(super) use operations;
