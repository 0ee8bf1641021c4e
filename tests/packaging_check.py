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
    text = json.dumps(policy).replace("REGION", "eu-west-1").replace("KEY-OF-THE-TRAIL", "0").replace("KEY-OF-THE-INSIGHTS", "0")
    problems += [f"{path.name}: {finding}" for finding in parliament.analyze_policy_string(text).findings]
    actions = [action for statement in policy["Statement"] for action in [statement["Action"]]]
    wide = re.findall(r'"(?:\w+:)?\*"', json.dumps(actions)) + [s["Sid"] for s in policy["Statement"] if s["Resource"] == "*"]
    problems += [f"{path.name}: allows too much: {it}" for it in wide]

documents = [it for it in yaml.safe_load_all((PACKAGING / "kubernetes" / "cronjob.yaml").read_text()) if it]
for document in documents:
    try:
        kubernetes_validate.validate(document, "1.35", strict=True)
    except kubernetes_validate.ValidationError as error:
        problems.append(f"{document['kind']}: {error}")
kinds = [document["kind"] for document in documents]
if "CronJob" not in kinds:
    problems.append(f"cronjob.yaml has {kinds}")

parser = dockerfile_parse.DockerfileParser(fileobj=(PACKAGING / "container" / "Dockerfile").open("rb"))
steps = {step["instruction"] for step in parser.structure}
if not {"FROM", "COPY", "USER", "ENTRYPOINT"} <= steps or len(parser.parent_images) != 2:
    problems.append(f"Dockerfile has {sorted(steps)}")

print("\n".join(problems))
sys.exit(bool(problems))
