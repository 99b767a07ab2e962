package dashboard

import "context"

var queuesPage = page{
	section: "queues", title: "Queues", template: "queues",
	load: func(ctx context.Context, d *Dashboard, _ *request) (any, error) {
		seen := d.fleet(ctx)
		if seen.err != nil {
			return nil, seen.err
		}
		return seen.data.(fleet), nil
	},
}
