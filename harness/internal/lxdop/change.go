package lxdop

import (
	"context"
	"net/http"
	"net/url"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
)

// CreatePool makes a storage pool, on one member if the target is not empty.
func CreatePool(ctx context.Context, server lxd.InstanceServer, target string, pool api.StoragePoolsPost) error {
	return change(ctx, server, http.MethodPost, target, pool, "storage-pools")
}

// DeletePool deletes a storage pool.
func DeletePool(ctx context.Context, server lxd.InstanceServer, name string) error {
	return change(ctx, server, http.MethodDelete, "", nil, "storage-pools", name)
}

// CreateVolume makes a storage volume.
func CreateVolume(ctx context.Context, server lxd.InstanceServer, pool string, volume api.StorageVolumesPost) error {
	return change(ctx, server, http.MethodPost, "", volume, "storage-pools", pool, "volumes", volume.Type)
}

// CreateNetwork makes a network.
func CreateNetwork(ctx context.Context, server lxd.InstanceServer, network api.NetworksPost) error {
	return change(ctx, server, http.MethodPost, "", network, "networks")
}

// UpdateNetwork replaces the configuration of a network.
func UpdateNetwork(ctx context.Context, server lxd.InstanceServer, name string, network api.NetworkPut) error {
	return change(ctx, server, http.MethodPut, "", network, "networks", name)
}

// CreateNetworkACL makes an ACL for networks.
func CreateNetworkACL(ctx context.Context, server lxd.InstanceServer, acl api.NetworkACLsPost) error {
	return change(ctx, server, http.MethodPost, "", acl, "network-acls")
}

// UpdateProfile replaces a profile.
func UpdateProfile(ctx context.Context, server lxd.InstanceServer, name string, profile api.ProfilePut) error {
	return change(ctx, server, http.MethodPut, "", profile, "profiles", name)
}

// change sends a request and waits until LXD has done what it asks for. LXD answers with an
// operation for profiles and volumes since 6.6, and for pools and networks since 6.8 (LXD:
// doc/api-extensions.md, storage_and_profile_operations and storage_and_network_operations). This
// client takes that answer for the end.
func change(ctx context.Context, server lxd.InstanceServer, method, target string, body any, path ...string) error {
	info, err := server.GetConnectionInfo()
	if err != nil {
		return err
	}
	query := url.Values{"project": {info.Project}}
	if target != "" {
		query.Set("target", target)
	}
	at := url.URL{Path: "/1.0", RawQuery: query.Encode()}
	answer, _, err := With(ctx, server).RawQuery(method, at.JoinPath(path...).String(), body, "")
	if err != nil || answer.Type != api.AsyncResponse {
		return err
	}
	op, err := answer.MetadataAsOperation()
	if err != nil {
		return err
	}
	_, err = awaitFrom(ctx, budget, server, *op)
	return err
}
