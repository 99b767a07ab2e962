# One image with all programs: docker build -t navvy . && docker run --rm navvy worker --help
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /bin/navvy/ ./cmd/producer ./cmd/worker ./cmd/monitor

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /bin/navvy/ /usr/local/bin/
CMD ["worker", "run"]
