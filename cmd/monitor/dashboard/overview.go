package dashboard

import "context"

var overviewPage = page{
	section: "overview", title: "Overview", template: "overview",
	load: func(ctx context.Context, d *Dashboard, _ *request) (any, error) {
		seen := d.fleet(ctx)
		if seen.err != nil {
			return nil, seen.err
		}
		return seen.data.(fleet), nil
	},
}
