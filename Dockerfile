# syntax=docker/dockerfile:1
FROM rust:1-bookworm AS build
WORKDIR /build
COPY . .
RUN make release

FROM debian:bookworm-slim AS runtime
# Homeservers and relying parties are reached over https: the usual authorities are needed.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home tchap-connect \
    && install --directory --owner tchap-connect --mode 0700 /var/lib/tchap-connect
USER 10001

# The example site for partners: docker build --target partner-site
FROM runtime AS partner-site
COPY --from=build /build/target/release/examples/partner_site /usr/local/bin/partner_site
EXPOSE 8090
ENTRYPOINT ["partner_site"]

FROM runtime AS provider
COPY --from=build /build/target/release/tchap-connect /usr/local/bin/tchap-connect
WORKDIR /var/lib/tchap-connect
VOLUME /var/lib/tchap-connect
ENV TCHAP_CONNECT_LISTEN=0.0.0.0:8080 \
    TCHAP_CONNECT_DATABASE_URL=sqlite:/var/lib/tchap-connect/tchap-connect.db
EXPOSE 8080
# No curl in here: bash speaks enough HTTP to ask.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=6 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["tchap-connect"]
CMD ["serve"]
