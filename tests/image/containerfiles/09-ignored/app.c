app.c
