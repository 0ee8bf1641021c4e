"""The files below packaging/ -> nothing, or what their own tools find wrong with them."""
import json, re, sys
from pathlib import Path

import dockerfile_parse
import kubernetes_validate
import parliament
import yaml

PACKAGING = Path(sys.argv[1])
problems = []

for path in sorted((PACKAGING / "iam").glob("*.json")):
    policy = json.loads(path.read_text())
    # With names in the place of those to be filled in.
    text = json.dumps(policy).replace("REGION", "eu-west-1")
    text = re.sub("KEY-OF-THE-[A-Z]+", "0", text)
    problems += [f"{path.name}: {finding}" for finding in parliament.analyze_policy_string(text).findings]
    actions = [action for statement in policy["Statement"] for action in [statement["Action"]]]
    wide = re.findall(r'"(?:\w+:)?\*"', json.dumps(actions)) + [s["Sid"] for s in policy["Statement"] if s["Resource"] == "*"]
    problems += [f"{path.name}: allows too much: {it}" for it in wide]

# What is only needed sometimes stands in a statement of its own, which can be left out.
allowed = {}
for path in (PACKAGING / "iam").glob("*.json"):
    for statement in json.loads(path.read_text())["Statement"]:
        actions = statement["Action"]
        allowed.setdefault(path.name, []).append({actions} if isinstance(actions, str) else set(actions))
if [it for it in allowed["write-insights.json"] if "s3:DeleteObject" in it] != [{"s3:DeleteObject"}]:
    problems.append("write-insights.json: removing is only for scans without a state")
for name in ["write-insights.json", "keep-state.json"]:
    if {"kms:GenerateDataKey", "kms:Decrypt"} not in allowed[name]:
        problems.append(f"{name}: s3.sse goes with every object, and its key has no statement")

documents = [it for it in yaml.safe_load_all((PACKAGING / "kubernetes" / "cronjob.yaml").read_text()) if it]
for document in documents:
    try:
        kubernetes_validate.validate(document, "1.35", strict=True)
    except kubernetes_validate.ValidationError as error:
        problems.append(f"{document['kind']}: {error}")
kinds = [document["kind"] for document in documents]
# A damaged log is known to a second try, which would end well: nobody would hear of it.
for job in [document["spec"]["jobTemplate"]["spec"] for document in documents if document["kind"] == "CronJob"]:
    if job["backoffLimit"] != 0 or job["template"]["spec"]["restartPolicy"] != "Never":
        problems.append("cronjob.yaml: a job that ends with status 3 is tried again")
if "CronJob" not in kinds:
    problems.append(f"cronjob.yaml has {kinds}")

parser = dockerfile_parse.DockerfileParser(fileobj=(PACKAGING / "container" / "Dockerfile").open("rb"))
steps = {step["instruction"] for step in parser.structure}
if not {"FROM", "COPY", "USER", "ENTRYPOINT"} <= steps or len(parser.parent_images) != 2:
    problems.append(f"Dockerfile has {sorted(steps)}")

# Whoever the program runs as has to own the volume before it is one: what is changed after VOLUME is lost.
steps = [(step["instruction"], step["value"]) for step in parser.structure]
user = dict(steps)["USER"].split(":")
volume = [index for index, step in enumerate(steps) if step[0] == "VOLUME"]
makes = [index for index, step in enumerate(steps) if step[0] == "RUN" and f"--owner={user[0]} --group={user[1]} /state" in step[1]]
if [steps[index][1] for index in volume] != ["/state"] or not makes or makes[0] > volume[0] or dict(steps)["WORKDIR"] != "/state":
    problems.append("Dockerfile: its user cannot write to /state")
ignored = (PACKAGING / "container" / "Dockerfile.dockerignore").read_text().split()
problems += [f"Dockerfile.dockerignore: {name} is sent to the builder" for name in [".git", "**/target"] if name not in ignored]

print("\n".join(problems))
sys.exit(bool(problems))
