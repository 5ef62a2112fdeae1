import * as pulumi from "@pulumi/pulumi";
import { ModelRegistry } from "./modelyard";

const registry = new ModelRegistry("registry", {
    place: {
        organization: "acme",
        platform: "ml",
        environment: "local",
        team: "scores",
        region: "eu-west-1",
        account: "123456789012",
    },
    keyArn: new pulumi.Config().require("keyArn"),
    spec: {
        models: {
            churn: {
                description: "Who leaves next month.",
                owner: "scores@acme.example",
                ungated_because: "an example",
            },
        },
    },
});

export const bucket: pulumi.Output<string> = registry.bucket;
