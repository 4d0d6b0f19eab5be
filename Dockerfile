# Builds one static program and puts it into an empty image: no shell, no libraries, no root.

# The console: plain files, the same for every platform.
FROM node:22-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run check && npm run build

FROM rust:1-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=web /web/dist web/dist
# Linked statically against glibc, so that the empty image can run it; the explicit target keeps
# build scripts and macros, which run here, as they are.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --locked --profile dist --target "$target" --bin managing-api \
    && mkdir -p /out/app/data /out/etc/ssl/certs /out/tmp \
    && cp "target/$target/dist/managing-api" /out/app/ \
    && cp -r config /out/app/ \
    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
    && echo 'app:x:10001:10001:app:/app:/sbin/nologin' > /out/etc/passwd \
    && echo 'app:x:10001:' > /out/etc/group \
    && echo 'hosts: files dns' > /out/etc/nsswitch.conf

FROM scratch
COPY --from=build --chown=10001:10001 /out/ /
USER 10001:10001
WORKDIR /app
# Huge pages would count the untouched halves of every connection's buffers as used.
ENV MIMALLOC_ALLOW_THP=0
EXPOSE 8080
VOLUME /app/data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s --retries=3 \
    CMD ["/app/managing-api", "healthcheck"]
ENTRYPOINT ["/app/managing-api"]
CMD ["serve"]
