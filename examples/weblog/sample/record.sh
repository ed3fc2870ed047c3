#!/bin/sh
# Records sample/access.log anew: a real nginx on loopback, driven by real clients.
#
#   sh record.sh [OUTPUT]        (default: access.log beside this script)
#
# Needs only Debian packages (bookworm names):
#   apt-get install nginx-light curl wget apache2-utils siege lynx w3m git \
#                   openssh-client redis-tools nmap python3 faketime
#
# Everything happens on 127.0.0.0/8 and ::1 and in one temporary directory, which is removed at the end.
# Nothing is written by hand into the log: each line is what nginx wrote for a request that was really made.
# The one liberty is the clock: libfaketime runs nginx's clock SPEED times faster than the wall's, so that a
# recording of about a minute spans several hours of log.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/access.log}
port=${PORT:-18089}
speed=${SPEED:-240}

work=$(mktemp -d)
started=
stop_server() {
    # Only the server this script started, by the pid it wrote: faketime stands between it and the shell.
    [ -z "$started" ] || kill -TERM "$(cat "$work/nginx.pid")" 2>/dev/null || true
    [ -z "$started" ] || wait "$started" || true
    started=
}
finish() {
    stop_server
    rm -rf "$work"
}
trap finish EXIT
trap "exit 1" INT TERM
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
HOME=$work/home
export HOME LC_ALL=C.UTF-8
export no_proxy='*'
mkdir -p "$HOME"
chmod 755 "$work"

# ---------------------------------------------------------------------------------------------- the site
site=$work/site
mkdir -p "$site/articles" "$site/licenses" "$site/download" "$site/private" "$site/secret" "$site/img" "$site/empty"
cp -L /usr/share/common-licenses/* "$site/licenses/"
python3 - "$site" <<'PY'
import os, struct, sys, zlib
site = sys.argv[1]

def png(path, side):
    rows = b"".join(b"\0" + bytes((x * y) & 255 for x in range(side * 3)) for y in range(side))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

def page(path, title, body):
    with open(os.path.join(site, path), "w") as f:
        f.write(f"<!doctype html><title>{title}</title><link rel=stylesheet href=/style.css>"
                f"<h1>{title}</h1><img src=/img/logo.png>{body}")

for name, side in (("logo", 32), ("photo", 120), ("icon", 8)):
    png(f"{site}/img/{name}.png", side)
open(f"{site}/style.css", "w").write("body { max-width: 40em; margin: auto }\n")
open(f"{site}/robots.txt", "w").write("User-agent: *\nDisallow: /secret/\n")
open(f"{site}/favicon.ico", "wb").write(b"\0" * 318)
open(f"{site}/feed.xml", "w").write("<feed xmlns='http://www.w3.org/2005/Atom'><title>site</title></feed>\n")
open(f"{site}/download/big.bin", "wb").write(os.urandom(400_000))
open(f"{site}/private/index.html", "w").write("members only\n")
open(f"{site}/secret/key.txt", "w").write("no\n")
open(f"{site}/résumé.html", "w").write("<title>Lebenslauf</title>\n")
count = 36
for n in range(1, count + 1):
    near = "".join(f"<a href=/articles/{m}.html>{m}</a> " for m in (n - 1, n + 1, n * 7 % count + 1) if 1 <= m <= count)
    page(f"articles/{n}.html", f"Article {n}", f"<p>{'words ' * (n * 23 % 190)}</p>{near}<a href=/licenses/>licences</a>"
         + ("<a href=/articles/gone.html>gone</a>" if n % 9 == 0 else "") + ("<img src=/img/photo.png>" if n % 4 == 0 else ""))
page("index.html", "Home", "".join(f"<a href=/articles/{n}.html>{n}</a> " for n in range(1, count + 1))
     + "<a href=/about.html>about</a> <a href=/old/page>old</a> <a href=/r%C3%A9sum%C3%A9.html>cv</a> <a href=/licenses/>licences</a>")
page("about.html", "About", "<a href=/>home</a> <a href=/feed.xml>feed</a>")
PY
mkdir "$work/src"
(
    cd "$work/src"
    git init -q .
    git config user.name recorder
    git config user.email recorder@localhost
    for n in 1 2 3 4 5 6 7 8; do
        cp "$site/articles/$n.html" .
        git add -A
        git commit -q -m "article $n"
    done
    git clone -q --bare . "$site/repo.git"
    git -C "$site/repo.git" update-server-info
)
for user in alice bob 'guest user'; do
    htpasswd -nbm "$user" secret
done | grep . >"$work/users"

user_line=
[ "$(id -u)" != 0 ] || user_line='user www-data;'
cat >"$work/nginx.conf" <<NGINX
$user_line
worker_processes 2;
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
env LD_PRELOAD; env FAKETIME; env FAKETIME_SHARED; env FAKETIME_DONT_RESET;
events { worker_connections 256; }
http {
    types { text/html html; text/css css; image/png png; application/xml xml; text/plain txt; }
    access_log $work/access.log combined;
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    limit_req_zone \$binary_remote_addr zone=busy:1m rate=20r/m;
    client_header_timeout 900s; keepalive_timeout 900s; client_body_timeout 900s; send_timeout 900s;
    server {
        listen 127.0.0.1:$port; listen [::1]:$port;
        root $site;
        location = /api/items    { if (\$request_method = POST) { return 201 '{"id":1}\n'; } default_type application/json; return 200 '[1,2,3]\n'; }
        location /api/items/     { if (\$request_method = DELETE) { return 204; } default_type application/json; return 200 '{"ok":true}\n'; }
        location = /api/login    { return 302 /private/; }
        location = /api/slow     { limit_rate 2; alias $site/download/big.bin; }
        location /api/           { return 404 '{"error":"no such thing"}\n'; }
        location /old/           { return 301 /articles/1.html; }
        location = /moved        { return 308 /about.html; }
        location /licenses/      { autoindex on; }
        location /empty/         { }
        location /private/       { auth_basic members; auth_basic_user_file $work/users; }
        location /secret/        { deny all; }
        location = /upload       { client_max_body_size 1k; proxy_pass http://127.0.0.1:9/; }
        location /backend/       { proxy_pass http://127.0.0.1:9; }
        location = /busy         { limit_req zone=busy; try_files /about.html =404; }
        location = /teapot       { return 418 "short and stout\n"; }
    }
}
NGINX

# ---------------------------------------------------------------------------------------------- the server
start=$(date '+%Y-%m-%d %H:%M:%S')
faketime -f "@$start x$speed" nginx -p "$work" -c "$work/nginx.conf" &
started=$!
base=http://127.0.0.1:$port
tries=0
until curl -s -o "$work/null" "$base/robots.txt"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { echo "record.sh: nginx did not start" >&2; cat "$work/error.log" >&2; exit 1; }
    sleep 0.1
done

# ---------------------------------------------------------------------------------------------- the clients
# Each function is one visitor; they run side by side, so that their lines are interleaved as on a real server.
# A client that is refused or cut off exits with an error; that is what it is here for.
get() { curl -s -o /dev/null --max-time 5 "$@" || true; }
quiet() { "$@" >/dev/null 2>&1 </dev/null || true; }

browse() { # ADDRESS: one reader, some pages, each with the page it came from
    from=$base/
    n=${1##*.}
    for step in $(seq 1 44); do
        n=$(((n * 7 + step) % 38 + 1))
        get --interface "$1" -e "$from" --compressed "$base/articles/$n.html?from=$step"
        get --interface "$1" -e "$base/articles/$n.html" "$base/style.css"
        get --interface "$1" -e "$base/articles/$n.html" "$base/img/logo.png"
        from=$base/articles/$n.html
        sleep 1
    done
}

caching() { # a client that keeps what it has (304), and one that wants a part (206, 416)
    for page in articles/3.html style.css img/photo.png feed.xml; do
        tag=$(curl -sI "$base/$page" | tr -d '\r' | sed -n 's/^ETag: //p')
        for again in $(seq 1 10); do
            get --interface 127.0.0.9 -H "If-None-Match: $tag" "$base/$page"
            get --interface 127.0.0.9 -z 'now' "$base/$page"
            sleep 2
        done
    done
    for range in 0-99 1000-1999 -500 399000- 900000-; do
        get --interface 127.0.0.10 -r "$range" "$base/download/big.bin"
    done
}

members() { # basic authentication; a name with a space is written into the log as it is
    for round in $(seq 1 16); do
        get "$base/private/"
        get -u alice:secret "$base/private/"
        get -u bob:secret --interface 127.0.0.6 "$base/private/"
        get -u 'guest user:secret' --interface 127.0.0.7 "$base/private/"
        get -u 'eve [x] "y":wrong' --interface 127.0.0.8 "$base/private/"
        get -L -u alice:secret "$base/api/login"
        sleep 3
    done
}

programs() { # what programs ask for, and the requests that a server refuses
    for n in $(seq 1 36); do
        get --interface 127.0.0.11 "$base/api/items"
        get --interface 127.0.0.11 -d "name=thing$n" "$base/api/items"
        get --interface 127.0.0.11 -X DELETE "$base/api/items/$n"
        get --interface 127.0.0.12 "$base/api/items/$n?fields=id,name&q=%22x%22"
        get --interface 127.0.0.12 "$base/api/users/$n"
        get -I "$base/articles/$n.html"
        get -g -6 "http://[::1]:$port/articles/$n.html"
        get -g -6 "http://[::1]:$port/feed.xml"
        get -L --interface 127.0.0.13 "$base/old/page$n"
        get --interface 127.0.0.13 "$base/busy"
        get --interface 127.0.0.13 "$base/busy"
        get "$base/backend/health"
        sleep 1
    done
    get -L "$base/moved"; get "$base/teapot"; get "$base/empty/"; get "$base/secret/key.txt"; get "$base/nothing%20here"
    get -X OPTIONS --request-target '*' "$base/"; get -X PUT -d x "$base/about.html"; get -d x "$base/about.html"
    get -X PROPFIND "$base/"; get -x "$base" http://example.invalid/through/a/proxy; get -T "$site/download/big.bin" "$base/upload"
    get --max-time 1 "$base/api/slow"; get --http1.0 "$base/about.html"; get --path-as-is "$base/../../etc/passwd"
    get "$base/r%C3%A9sum%C3%A9.html"; get "$base/résumé.html"; get "$base/%2e%2e/%2e%2e/etc/passwd"
    get "$base/?q=$(printf 'x%.0s' $(seq 1 1500))"
    get "$base/$(printf 'long/%.0s' $(seq 1 2000))"
    get -H "X-Big: $(printf 'h%.0s' $(seq 1 9000))" "$base/"
    get -A 'quotes "inside" and a back\slash' "$base/about.html"
    get -A 'Grüße aus Köln' -e 'http://example.invalid/ü?a="b"' "$base/about.html"
    get -A "$(printf 'latin1 \344\366\374 and a tab\there')" "$base/about.html"
    get -A '' "$base/about.html"
    get -A '() { :;}; echo [22/Nov/2026:00:00:00 +0000] "GET /fake HTTP/1.1" 200 1' "$base/about.html"
}

machines() { # programs that speak something else to the port: what every public server sees daily
    for scheme in https gopher dict rtsp mqtt ldap smtp pop3 imap telnet; do
        quiet curl -s --max-time 1 "$scheme://127.0.0.1:$port/$scheme"
        quiet curl -s -k --max-time 1 --interface 127.0.0.66 "https://127.0.0.1:$port/"
    done
    quiet curl -s --http2-prior-knowledge --max-time 1 "$base/"
    quiet timeout 2 ssh -o BatchMode=yes -o StrictHostKeyChecking=no -p "$port" nobody@127.0.0.1
    quiet timeout 2 redis-cli -p "$port" PING
    quiet timeout 40 nmap -n -Pn -sV --version-all -p "$port" 127.0.0.1
    quiet timeout 40 nmap -n -Pn -p "$port" --script-args http.useragent=nmap-scripts \
        --script http-methods,http-headers,http-title,http-robots.txt,http-git,http-auth,http-server-header 127.0.0.1
}

crawlers() {
    quiet wget -r -l 3 --bind-address 127.0.0.20 -P "$work/crawl1" "$base/"
    quiet wget -r -l 2 -p --spider -U 'example-spider/1.0 (+http://example.invalid/bot)' --bind-address 127.0.0.21 -P "$work/crawl2" "$base/"
    for page in index.html about.html articles/5.html articles/12.html licenses/ articles/99.html; do
        quiet lynx -dump "$base/$page"
        quiet w3m -dump "$base/$page"
    done
    for round in 1 2 3; do
        quiet git clone -q "$base/repo.git" "$work/clone$round"
        sleep 5
    done
    quiet git clone -q "$base/missing.git" "$work/clone9"
}

load() { # two load generators, briefly
    quiet ab -q -n 150 -c 3 "$base/articles/17.html"
    sleep 9
    quiet ab -q -n 120 -c 2 -k -B 127.0.0.30 "$base/img/photo.png"
    sleep 9
    quiet ab -q -n 80 -c 2 -i "http://[::1]:$port/"
    for n in 1 5 9 13 17 21 25 29 33 37 41; do echo "$base/articles/$n.html"; done >"$work/urls"
    sleep 12
    quiet siege -q -c 3 -r 20 -d 1 -f "$work/urls"
}

scripted() { # two programs of python's standard library: a polite poller, and one that sends what no client should
    python3 - "$port" <<'PY'
import http.client, socket, sys, time, urllib.error, urllib.request
port = int(sys.argv[1])

def raw(data, source="127.0.0.77", hang_up=False):
    """Sends bytes as they are, reads what comes (or hangs up at once)."""
    try:
        with socket.create_connection(("127.0.0.1", port), 3, (source, 0)) as s:
            s.sendall(data)
            if not hang_up:
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
    except OSError:
        pass

bad = [
    b"\x00" * 40, bytes(range(128, 256)), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)) + b"\r\n",
    b"\r\n\r\n\r\n", b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"get /about.html HTTP/1.1\r\nHost: x\r\n\r\n", b"FOO /about.html HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n", b'GET /"quoted" HTTP/1.1\r\nHost: x\r\n\r\n', b"GET about.html HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /caf\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /a\x01b HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
    b"POST /api/items HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"POST /api/items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n",
    b"CONNECT example.invalid:443 HTTP/1.1\r\nHost: example.invalid\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", b"\x05\x01\x00", b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
    b"GET /" + b"A" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"USER anonymous\r\n\r\n", b'{"jsonrpc":"2.0"}\n\n', b"*1\r\n$4\r\nPING\r\n",
]
pages = ["/", "/about.html", "/feed.xml", "/img/icon.png", "/articles/2.html", "/articles/30.html", "/favicon.ico", "/wp-login.php",
         "/.env", "/admin/", "/licenses/GPL-3", "/download/big.bin", "/api/items"]
poller = http.client.HTTPConnection("127.0.0.1", port, 5, ("127.0.0.40", 0))
for turn in range(75):
    for n, path in enumerate(pages):
        if (turn + n) % 3 == 0:
            try:
                poller.request("HEAD" if n % 5 == 4 else "GET", path, headers={"User-Agent": f"poller/1.{turn % 3}"})
                poller.getresponse().read()
            except (http.client.HTTPException, OSError):
                poller.close()
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{pages[turn % len(pages)]}?turn={turn}", timeout=5).read()
    except (urllib.error.HTTPError, OSError):
        pass
    raw(bad[turn % len(bad)])
    raw(bad[(turn * 5 + 3) % len(bad)], "127.0.0.78")
    raw(b"GET /download/big.bin HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.79", hang_up=True)
    time.sleep(1.2)
PY
}

jobs=
for address in 127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.14 127.0.0.15; do
    browse "$address" & jobs="$jobs $!"
done
for visitor in caching members programs machines crawlers load scripted; do
    "$visitor" & jobs="$jobs $!"
done
for job in $jobs; do wait "$job" || true; done

stop_server
cp "$work/access.log" "$out"
wc -lc "$out"
