"""What schemathesis is to know of this API beside its OpenAPI document."""

import schemathesis
import yaml


# An export is several YAML documents; by itself schemathesis expects one and dies of the second. All names of YAML are one
# family, of which the first that is known is asked.
@schemathesis.deserializer("text/yaml", "text/x-yaml", "application/x-yaml", "text/vnd.yaml", "application/yaml")
def documents(context, response):
    return list(yaml.safe_load_all(response.content))
