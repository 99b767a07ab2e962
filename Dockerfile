# One image with all programs: docker build -t navvy . && docker run --rm navvy worker --help
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags='-s -w' -o /bin/navvy/ \
    ./cmd/producer ./cmd/worker ./cmd/monitor

# Nothing but the programs, with time zones in them, and the authorities whose certificates they take.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /bin/navvy/ /usr/local/bin/
ENV PATH=/usr/local/bin
USER 65532:65532
CMD ["worker", "run"]
