"""Lets schemathesis read an export, which is several YAML documents; by itself it expects one and dies of the second."""

import schemathesis
import yaml


# All names of YAML are one family, of which the first that is known is asked.
@schemathesis.deserializer("text/yaml", "text/x-yaml", "application/x-yaml", "text/vnd.yaml", "application/yaml")
def documents(context, response):
    return list(yaml.safe_load_all(response.content))
