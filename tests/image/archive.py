#!/usr/bin/env python3
"""archive.py: image archives as they should be, and as somebody makes them who means harm.

  archive.py FILE CHANGE LAYER.tar…    an OCI archive of an image "made:1" of these layers, with
                                       that change made to it ("none": it is right)
  archive.py --list                    the changes

Digests and sizes are right wherever the change is not about them: else any of these archives would
be refused for that, and the test would say nothing.
"""
import copy
import gzip
import hashlib
import io
import json
import sys
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def path_of(named):
    return "blobs/sha256/" + named.split(":")[1]


def dump(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class Archive:
    def __init__(self, layers):
        self.files = {}
        self.layers = layers
        self.kind = LAYER
        self.config = {
            "created": "2026-01-01T00:00:00Z",
            "architecture": machine(),
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]},
        }
        self.layout = {"imageLayoutVersion": "1.0.0"}
        self.tar = []  # what comes behind all else: (TarInfo, data)

    def blob(self, data, kind):
        data = dump(data)
        self.files[path_of(digest(data))] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def make_manifest(self):
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(self.config, CONFIG),
            "layers": [self.blob(one, self.kind) for one in self.layers],
        }

    def make_index(self, manifest):
        leads_to = self.blob(manifest, MANIFEST)
        leads_to["annotations"] = {"org.opencontainers.image.ref.name": "made:1"}
        return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [leads_to]}

    def write(self, path):
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as out:
            for name, data in self.files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
            for info, data in self.tar:
                out.addfile(info, io.BytesIO(data))


def machine():
    import platform

    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


OTHER = "s390x"

# A change is made to one of these, in this order: the archive (its layers, its config), the
# manifest, the index, all files.
changes = {}


def change(stage):
    def note(function):
        changes[function.__name__.replace("_", "-")] = (stage, function)
        return function

    return note


@change("archive")
def none(a):
    pass


# --- What makes no harm --------------------------------------------------------------------


@change("archive")
def gzip_layers(a):
    a.config["rootfs"]["diff_ids"] = [digest(one) for one in a.layers]
    a.layers = [gzip.compress(one, mtime=0) for one in a.layers]
    a.kind = LAYER + "+gzip"


@change("index")
def nested(a, index, depth=3):
    names = index["manifests"][0].pop("annotations")
    index["manifests"][0]["platform"] = {"architecture": machine(), "os": "linux"}
    for _ in range(depth):
        other = {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": 7,
                 "platform": {"architecture": OTHER, "os": "linux"}}
        inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [other] + index["manifests"]}
        index["manifests"] = [a.blob(inner, INDEX)]
    index["manifests"][0]["annotations"] = names


@change("index")
def docker_list(a, index):
    names = index["manifests"][0].pop("annotations")
    inner = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": index["manifests"]}
    index["manifests"] = [a.blob(inner, DOCKER_LIST)]
    index["manifests"][0]["annotations"] = names


@change("index")
def no_name(a, index):
    del index["manifests"][0]["annotations"]


@change("files")
def docker_too(a):
    manifest = json.loads(a.files[path_of(json.loads(a.files["index.json"])["manifests"][0]["digest"])])
    a.files["manifest.json"] = dump([{
        "Config": path_of(manifest["config"]["digest"]),
        "RepoTags": ["made:1"],
        "Layers": [path_of(one["digest"]) for one in manifest["layers"]],
    }])


@change("files")
def docker_only(a):
    docker_too(a)
    del a.files["index.json"], a.files["oci-layout"]


@change("files")
def docker_links(a):
    """As some write them: a directory a layer, and links to layers that two images have."""
    docker_only(a)
    manifest = json.loads(a.files["manifest.json"])
    for number, layer in enumerate(manifest[0]["Layers"]):
        info = tarfile.TarInfo("id%d/layer.tar" % number)
        info.type = tarfile.SYMTYPE
        info.linkname = "../" + layer
        a.tar.append((info, b""))
        manifest[0]["Layers"][number] = info.name
    a.files["manifest.json"] = dump(manifest)


# --- What lies -----------------------------------------------------------------------------


def flip(a, named):
    data = bytearray(a.files[path_of(named)])
    data[len(data) // 2] ^= 1
    a.files[path_of(named)] = bytes(data)


def manifest_of(a):
    return json.loads(a.files["index.json"])["manifests"][0]["digest"]


def document_of(a):
    return json.loads(a.files[path_of(manifest_of(a))])


@change("files")
def flip_layer(a):
    flip(a, document_of(a)["layers"][-1]["digest"])


@change("files")
def flip_config(a):
    flip(a, document_of(a)["config"]["digest"])


@change("files")
def flip_manifest(a):
    flip(a, manifest_of(a))


@change("files")
def missing_layer(a):
    del a.files[path_of(document_of(a)["layers"][-1]["digest"])]


@change("files")
def missing_config(a):
    del a.files[path_of(document_of(a)["config"]["digest"])]


@change("files")
def missing_manifest(a):
    del a.files[path_of(manifest_of(a))]


@change("files")
def missing_index(a):
    del a.files["index.json"]


@change("files")
def missing_layout(a):
    del a.files["oci-layout"]


@change("archive")
def other_layout(a):
    a.layout["imageLayoutVersion"] = "2.0.0"


@change("manifest")
def short_size(a, manifest):
    manifest["layers"][-1]["size"] -= 1


@change("manifest")
def long_size(a, manifest):
    manifest["layers"][-1]["size"] += 512


@change("manifest")
def negative_size(a, manifest):
    manifest["layers"][-1]["size"] = -1


@change("archive")
def diff_id(a):
    a.config["rootfs"]["diff_ids"][-1] = "sha256:" + "1" * 64


@change("archive")
def fewer_layers(a):
    del a.config["rootfs"]["diff_ids"][-1]


@change("archive")
def more_layers(a):
    a.config["rootfs"]["diff_ids"].append("sha256:" + "1" * 64)


# --- Digests and names that are paths ------------------------------------------------------


@change("manifest")
def digest_path(a, manifest):
    manifest["layers"][-1]["digest"] = "sha256:../../../canary"


@change("manifest")
def digest_short(a, manifest):
    manifest["layers"][-1]["digest"] = manifest["layers"][-1]["digest"][:-1]


@change("manifest")
def digest_capital(a, manifest):
    manifest["layers"][-1]["digest"] = "sha256:" + manifest["layers"][-1]["digest"][7:].upper()


@change("manifest")
def digest_md5(a, manifest):
    manifest["layers"][-1]["digest"] = "md5:d41d8cd98f00b204e9800998ecf8427e"


@change("archive")
def diff_id_path(a):
    a.config["rootfs"]["diff_ids"][-1] = "sha256:" + "../" * 21 + "x"


@change("index")
def name_path(a, index):
    index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "../../canary"


@change("index")
def name_escape(a, index):
    index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "\033[2J"


@change("files")
def docker_path(a):
    docker_only(a)
    manifest = json.loads(a.files["manifest.json"])
    manifest[0]["Layers"][-1] = "../../canary"
    a.files["manifest.json"] = dump(manifest)


@change("files")
def docker_flip_config(a):
    docker_only(a)
    flip(a, "sha256:" + json.loads(a.files["manifest.json"])[0]["Config"].split("/")[-1])


@change("files")
def docker_other_layer(a):
    """It unpacks to what it should, and is not the file that its name says."""
    docker_only(a)
    named = json.loads(a.files["manifest.json"])[0]["Layers"][-1]
    a.files[named] = gzip.compress(a.files[named], mtime=0)


# --- One thing that two readers take for two ------------------------------------------------


@change("manifest")
def manifest_is_index(a, manifest):
    manifest["manifests"] = []


@change("index")
def index_is_manifest(a, index):
    index["layers"] = []


@change("manifest")
def manifest_says_index(a, manifest):
    manifest["mediaType"] = INDEX


@change("index")
def index_leads_to_index(a, index):
    index["manifests"][0]["mediaType"] = INDEX


@change("index")
def index_leads_to_layer(a, index):
    index["manifests"][0]["mediaType"] = LAYER


@change("manifest")
def config_is_layer(a, manifest):
    manifest["config"]["mediaType"] = LAYER


@change("manifest")
def layer_unknown(a, manifest):
    manifest["layers"][-1]["mediaType"] = "application/x-tar"


@change("manifest")
def layer_says_gzip(a, manifest):
    manifest["layers"][-1]["mediaType"] = LAYER + "+gzip"


@change("manifest")
def layer_elsewhere(a, manifest):
    manifest["layers"][-1]["urls"] = ["https://example.com/layer"]


@change("manifest")
def version_1(a, manifest):
    manifest["schemaVersion"] = 1


@change("files")
def twice(a):
    info = tarfile.TarInfo("./index.json")
    info.size = len(a.files["index.json"])
    a.tar.append((info, a.files["index.json"]))


@change("files")
def twice_a_key(a):
    text = a.files["index.json"].decode()
    a.files["index.json"] = text.replace('"manifests"', '"manifests": [], "manifests"', 1).encode()


@change("files")
def two_images(a):
    """index.json leads to one image, manifest.json to another."""
    docker_too(a)
    manifest = json.loads(a.files["manifest.json"])
    config = json.loads(a.files[manifest[0]["Config"]])
    config["config"]["Cmd"] = ["/bin/evil"]
    data = dump(config)
    a.files[path_of(digest(data))] = data
    manifest[0]["Config"] = path_of(digest(data))
    a.files["manifest.json"] = dump(manifest)


# --- Machines -------------------------------------------------------------------------------


@change("archive")
def other_machine(a):
    a.config["architecture"] = OTHER


@change("archive")
def other_system(a):
    a.config["os"] = "windows"


@change("index")
def only_other_machines(a, index):
    index["manifests"][0]["platform"] = {"architecture": OTHER, "os": "linux"}


# --- Bombs ----------------------------------------------------------------------------------


@change("index")
def nested_too_deep(a, index):
    nested(a, index, depth=6)


@change("files")
def brackets(a):
    a.files["index.json"] = b'{"schemaVersion": 2, "manifests": ' + b"[" * 100000


@change("index")
def fan(a, index):
    """As many paths to one manifest as nobody can go: an index of itself is not possible."""
    inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    for _ in range(3):
        leads_to = a.blob(inner, INDEX)
        inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [leads_to] * 1000}
    index["manifests"] = [a.blob(inner, INDEX)] * 1000


@change("files")
def large_index(a):
    a.files["index.json"] = a.files["index.json"] + b" " * (9 << 20)


@change("archive")
def many_layers(a):
    a.layers = a.layers[:1] * 501
    a.config["rootfs"]["diff_ids"] = [digest(one) for one in a.layers]


# --- The archive itself ----------------------------------------------------------------------


def foreign(a, **fields):
    info = tarfile.TarInfo("other")
    for key, value in fields.items():
        setattr(info, key, value)
    a.tar.append((info, b""))


@change("files")
def name_out(a):
    foreign(a, name="../../canary")


@change("files")
def name_absolute(a):
    foreign(a, name="/tmp/canary")


@change("files")
def link_out(a):
    foreign(a, type=tarfile.SYMTYPE, linkname="../../etc/passwd")


@change("files")
def hard_link(a):
    foreign(a, type=tarfile.LNKTYPE, linkname="/etc/passwd")


@change("files")
def device(a):
    foreign(a, type=tarfile.CHRTYPE, devmajor=1, devminor=3)


@change("files")
def link_to_itself(a):
    config = document_of(a)["config"]["digest"]
    del a.files[path_of(config)]
    foreign(a, name=path_of(config), type=tarfile.SYMTYPE, linkname=config.split(":")[1])


@change("files")
def no_image(a):
    a.files["index.json"] = dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": []})


@change("files")
def no_json(a):
    a.files["index.json"] = b"\0" * 100


def main(words):
    if words == ["--list"]:
        print("\n".join(changes))
        return
    path, name, *layers = words
    stage, function = changes[name]
    archive = Archive([open(one, "rb").read() for one in layers])
    if stage == "archive":
        function(archive)
    manifest = archive.make_manifest()
    if stage == "manifest":
        function(archive, manifest)
    index = archive.make_index(copy.deepcopy(manifest))
    if stage == "index":
        function(archive, index)
    archive.files["oci-layout"] = dump(archive.layout)
    archive.files["index.json"] = dump(index)
    if stage == "files":
        function(archive)
    archive.write(path)


main(sys.argv[1:])
