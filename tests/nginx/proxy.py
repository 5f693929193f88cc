"""nginx as the most greedy of shared caches: it keeps for everybody whatever it may keep at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from subprocess import PIPE, Popen

__all__ = ["greedy_cache"]

#: Runs in the foreground as whoever started it, and writes below one folder alone.
CONFIGURATION = Template("""
daemon off;
master_process off;
pid $folder/pid;
events {}
http {
  access_log off;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxied;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  proxy_cache_path $folder/cache keys_zone=shared:10m;
  server {
    listen unix:$folder/socket;
    location / {
      proxy_pass http://127.0.0.1:$upstream;
      proxy_cache shared;
      proxy_cache_key $$request_uri;
      proxy_cache_valid any 10m;
      proxy_cache_lock on;
      proxy_cache_revalidate on;
      proxy_cache_background_update on;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
      add_header x-cache $$upstream_cache_status always;
    }
  }
}
""")

#: Runs a command, and ends it when the standard input ends.
WITH_OUR_LIFE = '"$@" & read -r _; kill $!; wait'


@contextmanager
def greedy_cache(folder: Path, upstream: int) -> Iterator[Path]:
    """Run nginx before the server on a port, and give the socket at which it will listen."""
    nginx = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/usr/bin")
    assert nginx is not None, "this needs nginx: apt-get install nginx-light"
    configuration = folder / "nginx.conf"
    told = CONFIGURATION.substitute(folder=folder, upstream=upstream)
    configuration.write_text(told, encoding="utf-8")
    command = [nginx, "-c", str(configuration), "-e", str(folder / "error.log")]
    with Popen(["/bin/sh", "-c", WITH_OUR_LIFE, "sh", *command], stdin=PIPE):
        yield folder / "socket"
