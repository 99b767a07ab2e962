package dashboard

var overviewPage = page{section: "overview", title: "Overview", template: "overview", load: loadFleet}
