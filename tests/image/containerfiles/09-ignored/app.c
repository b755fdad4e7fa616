int app(void);
