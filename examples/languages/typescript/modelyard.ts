// What `pulumi package add` writes from the package's schema, for the one component that this program uses.
import * as pulumi from "@pulumi/pulumi";

export interface PlaceArgs {
    organization: string;
    platform: string;
    environment: string;
    team: string;
    region: string;
    account: string;
    production?: boolean;
    boundary?: string;
}

export interface ModelRegistryArgs {
    place: pulumi.Input<PlaceArgs>;
    keyArn: pulumi.Input<string>;
    spec: pulumi.Input<Record<string, unknown>>;
}

export class ModelRegistry extends pulumi.ComponentResource {
    declare readonly bucket: pulumi.Output<string>;

    constructor(name: string, args: ModelRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
        super("modelyard:index:ModelRegistry", name, { bucket: undefined, ...args }, opts, true);
    }
}
